using System.Text.Json.Nodes;
using Laptime.Cli.Rendering;
using Laptime.Foundations;
using Laptime.Tests.Reports;
using Laptime.Transactions;

namespace Laptime.Tests.Rendering;

public sealed class ViewTests
{
    public static TheoryData<string, int> Screens
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (var name in new[] { "reflected", "unchanged", "night", "not-ready", "killed", "hostile" })
            {
                foreach (var width in new[] { 40, 80, 120 })
                {
                    data.Add(name, width);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Screens))]
    public void The_summary_is_as_it_was_read_and_found_good(string name, int width) =>
        Golden.Equal($"summary-{name}-{width}.txt", SummaryView.Render(MarkdownReportTests.Document(name), At(width)));

    [Theory]
    [MemberData(nameof(Screens))]
    public void No_line_is_wider_than_the_terminal_and_none_carries_control_characters(string name, int width)
    {
        foreach (var line in SummaryView.Render(MarkdownReportTests.Document(name), At(width)).Split('\n'))
        {
            Assert.True(TextWidth.Of(line) <= width, line);
            Assert.DoesNotContain(line, char.IsControl);
        }
    }

    [Fact]
    public void Colours_change_nothing_but_colours()
    {
        var colored = SummaryView.Render(Documents.NotReady(), At(80) with { Color = true });
        Golden.Equal("summary-not-ready-80.ansi", colored);
        Assert.Equal(SummaryView.Render(Documents.NotReady(), At(80)), Processes(colored));
    }

    [Fact]
    public void Without_unicode_everything_is_ascii()
    {
        var page = SummaryView.Render(Documents.Reflected(), At(80) with { Unicode = false });
        Assert.All(page, c => Assert.True(c < 128, $"U+{(int)c:x4}"));
        Golden.Equal("summary-reflected-ascii.txt", page);
    }

    [Theory]
    [InlineData("reflected")]
    [InlineData("unchanged")]
    [InlineData("not-ready")]
    [InlineData("night")]
    public void Four_components_fit_one_screen_with_the_prompt(string name) =>
        Assert.InRange(SummaryView.Render(MarkdownReportTests.Document(name), At(80)).Count(c => c == '\n'), 1, 23);

    [Fact]
    public void History_plan_why_and_report_are_as_they_were_read_and_found_good()
    {
        TransactionDocument[] all = [Documents.Killed(), Documents.NotReady(), Documents.Unchanged(), Documents.Reflected() with { Environment = "staging" }];
        Golden.Equal("history-80.txt", HistoryView.Render(all, Documents.Noon.AddHours(2), At(80)));
        Golden.Equal("history-120.txt", HistoryView.Render(all, Documents.Noon.AddHours(2), At(120)));
        Golden.Equal("plan-80.txt", PlanView.Render(Documents.Planned(), At(80)));
        var many = Documents.Planned().Components[0] with { Detail = [.. Enumerable.Range(1, 14).Select(i => $"src/{i}.cs")] };
        Golden.Equal("why-100.txt", WhyView.Render(many, null, all: false, At(100)));
        Golden.Equal("report-120.txt", ReportView.Render(Documents.Reflected(), At(120)));
    }

    [Fact]
    public void Lists_in_json_have_a_schema_and_items()
    {
        var output = new StringWriter();
        Results.History([Documents.Killed(), Documents.Reflected()], Documents.Noon, At(80) with { Json = true }, output);
        var json = JsonNode.Parse(output.ToString())!;
        Assert.Equal("laptime/history/v1", (string?)json["schema"]);
        Assert.Equal(["tx-20261121-120200-dead00", "tx-20261121-120000-7f3a9c"], json["items"]!.AsArray().Select(i => (string?)i!["id"]));
        Assert.Null(json["items"]![0]!["end"]);
        Assert.Equal("2026-11-21T12:00:01.53Z", (string?)json["items"]![1]!["end"]);
    }

    internal static Terminal At(int width) => new(ProgressMode.Plain, Json: false, Color: false, ErrorColor: false, Unicode: true, width, 24);

    private static string Processes(string colored) => System.Text.RegularExpressions.Regex.Replace(colored, "\u001b\\[[0-9]+m", "");
}

public sealed class TerminalTests
{
    [Theory]
    [InlineData(null, true, "", "Live")]
    [InlineData(null, false, "", "Plain")]
    [InlineData(null, true, "CI=true", "Plain")]
    [InlineData(null, true, "TERM=dumb", "Plain")]
    [InlineData("tty", true, "CI=true", "Live")]
    [InlineData("tty", false, "", "Plain")]
    [InlineData("plain", true, "", "Plain")]
    [InlineData("json", true, "", "Json")]
    [InlineData("quiet", true, "", "Quiet")]
    public void Progress_follows_flag_terminal_and_environment(string? flag, bool terminal, string environment, string expected) =>
        Assert.Equal(expected, Decide(environment, terminal, flag).Progress.ToString());

    [Theory]
    [InlineData(true, false, "", true)]
    [InlineData(true, true, "", false)]
    [InlineData(true, false, "NO_COLOR=1", false)]
    [InlineData(true, false, "TERM=dumb", false)]
    [InlineData(false, false, "", false)]
    [InlineData(false, false, "FORCE_COLOR=1", true)]
    [InlineData(false, false, "FORCE_COLOR=0", false)]
    [InlineData(false, true, "FORCE_COLOR=1", false)]
    [InlineData(true, false, "NO_COLOR=", true)]
    public void Colours_follow_terminal_flag_and_environment(bool terminal, bool noColor, string environment, bool expected) =>
        Assert.Equal(expected, Decide(environment, terminal, null, noColor).Color);

    [Theory]
    [InlineData("LANG=C", false)]
    [InlineData("LC_ALL=POSIX", false)]
    [InlineData("LANG=de_DE.ISO-8859-1", false)]
    [InlineData("LANG=C.UTF-8", true)]
    [InlineData("", true)]
    public void Ascii_is_used_where_the_locale_asks_for_it(string environment, bool unicode) => Assert.Equal(unicode, Decide(environment, true).Unicode);

    [Fact]
    public void An_unknown_mode_is_refused_with_the_nearest_one() =>
        Assert.Contains("did you mean `plain`?", Assert.Throws<LapException>(() => Decide("", true, "plian")).Message);

    private static Terminal Decide(string environment, bool terminal, string? progress = null, bool noColor = false) => Terminal.Decide(new TerminalFacts
    {
        Progress = progress, NoColor = noColor, OutIsTerminal = terminal, ErrorIsTerminal = terminal,
        Environment = name => environment.StartsWith(name + "=", StringComparison.Ordinal) ? environment[(name.Length + 1)..] : null,
    });
}
