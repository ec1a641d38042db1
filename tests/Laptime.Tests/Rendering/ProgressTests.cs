using Laptime.Cli.Rendering;
using Laptime.Tests.Reports;
using Laptime.Transactions;

namespace Laptime.Tests.Rendering;

public sealed class ProgressTests
{
    [Fact]
    public void Plain_progress_is_a_line_for_each_segment_that_ended()
    {
        var text = Shown(ProgressMode.Plain);
        Assert.Equal(
            "detect 12 ms ok\n[gateway] build/restore 20 ms ok (cache hit)\n[gateway] build/compile 1.20 s failed\nwarning: careful [now]\n", text);
    }

    [Fact]
    public void Json_progress_is_every_event_on_a_line_of_its_own()
    {
        var lines = Shown(ProgressMode.Json).TrimEnd('\n').Split('\n');
        Assert.Equal(5, lines.Length);
        Assert.All(lines, l => Assert.NotNull(System.Text.Json.Nodes.JsonNode.Parse(l)!["type"]));
    }

    [Fact]
    public void Quiet_progress_says_nothing() => Assert.Equal("", Shown(ProgressMode.Quiet));

    [Fact]
    public void Only_live_progress_loads_the_rendering_library()
    {
        // Types in the fields, signatures and bases of what the other modes touch.
        foreach (var type in new[] { typeof(Progress), typeof(PlainProgress), typeof(JsonProgress), typeof(SummaryView), typeof(Page), typeof(Terminal), typeof(LiveModel) })
        {
            var used = type.GetFields((System.Reflection.BindingFlags)60).Select(f => f.FieldType).Append(type.BaseType!);
            Assert.DoesNotContain(used, t => t?.Namespace?.StartsWith("Spectre", StringComparison.Ordinal) == true);
        }
    }

    [Fact]
    public void The_live_view_draws_also_when_nothing_is_open()
    {
        var text = new StringWriter();
        using var live = new LiveProgress(ViewTests.At(80) with { Progress = ProgressMode.Live }, new StringWriter(), TimeProvider.System);
        var console = Spectre.Console.AnsiConsole.Create(new Spectre.Console.AnsiConsoleSettings { Ansi = Spectre.Console.AnsiSupport.Yes, Out = new Spectre.Console.AnsiConsoleOutput(text) });
        Spectre.Console.AnsiConsoleExtensions.Live(console, new Spectre.Console.Text("")).Start(view =>
        {
            view.UpdateTarget(live.Frame(0));
            live.Happened(new TransactionEvent.SegmentChanged(Documents.S(1, "detect", 0, 0.012) with { Seconds = null, Outcome = null }));
            view.UpdateTarget(live.Frame(1));
        });
        Assert.Contains("detect", text.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_live_model_shows_where_each_component_stands()
    {
        var clock = new ManualTime();
        var model = new LiveModel(ViewTests.At(80), clock);
        foreach (var component in Documents.Reflected().Components)
        {
            model.Happened(new TransactionEvent.ComponentChanged(component.Name == "gateway" ? component with { Signals = new SignalsReport() } : component));
        }

        model.Happened(new TransactionEvent.SegmentChanged(Documents.S(1, "build/compile", 0, 0, "gateway") with { Seconds = null }));
        model.Output("gateway", "Cart.cs(3,1): warning");
        clock.Advance(TimeSpan.FromSeconds(1.5));
        var lines = model.Lines(10);
        Assert.Equal(["gateway", "catalog", "cart-store", "web"], lines.Select(l => l.Name));
        Assert.Equal((true, "build/compile", "1.50 s", "Cart.cs(3,1): warning"), (lines[0].Running, lines[0].Doing, lines[0].Elapsed, lines[0].Output));
        Assert.Equal("skip", lines[1].Doing);
        Assert.Equal(["gateway", "catalog", ""], model.Lines(3).Select(l => l.Name));

        model.Happened(new TransactionEvent.SegmentChanged(Documents.S(1, "build/compile", 0, 1.5, "gateway") with { Outcome = "failed" }));
        Assert.Equal("build/compile failed", model.Lines(10)[0].Doing);
    }

    [Fact]
    public void A_terminal_that_takes_nothing_does_not_hold_up_the_deploy()
    {
        using var stopped = new StoppedWriter();
        using (var progress = Progress.Create(ViewTests.At(80), stopped, TimeProvider.System))
        {
            for (var i = 0; i < 10_000; i++)
            {
                progress.Happened(new TransactionEvent.Warned("one more"));
            }

            Assert.False(stopped.Released);
            stopped.Release();
        }
    }

    private static string Shown(ProgressMode mode)
    {
        var error = new StringWriter();
        using (var progress = Progress.Create(ViewTests.At(80) with { Progress = mode }, error, TimeProvider.System))
        {
            progress.Happened(new TransactionEvent.SegmentChanged(Documents.S(1, "detect", 0, 0.012) with { Seconds = null, Outcome = null }));
            progress.Happened(new TransactionEvent.SegmentChanged(Documents.S(1, "detect", 0, 0.012)));
            progress.Happened(new TransactionEvent.SegmentChanged(Documents.S(2, "build/restore", 0, 0.02, "gateway") with { Cache = "hit" }));
            progress.Happened(new TransactionEvent.SegmentChanged(Documents.S(3, "build/compile", 0, 1.2, "gateway") with { Outcome = "failed" }));
            progress.Happened(new TransactionEvent.Warned("careful\n\u001b[2J[now]"));
        }

        return error.ToString();
    }

    /// <summary>A terminal after Ctrl-S.</summary>
    private sealed class StoppedWriter : StringWriter
    {
        private readonly ManualResetEventSlim released = new();

        public bool Released => released.IsSet;

        public void Release() => released.Set();

        public override void Write(string? value) => released.Wait(TestContext.Current.CancellationToken);
    }
}
