using Laptime.Transactions;
using Spectre.Console;

namespace Laptime.Cli.Rendering;

/// <summary>
/// The view of a running transaction on a terminal: a line for each component, redrawn in place about ten times a second by a thread of its own.
/// It is removed when the transaction is over; the summary takes its place.
/// </summary>
internal sealed class LiveProgress : Progress
{
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private readonly Terminal terminal;
    private readonly LiveModel model;
    private readonly ManualResetEventSlim ended = new();
    private readonly Thread painter;

    public LiveProgress(Terminal terminal, TextWriter error, TimeProvider clock)
    {
        this.terminal = terminal;
        model = new LiveModel(terminal, clock);
        // Loading the library takes some 50 ms: on this thread, beside the deploy.
        painter = new Thread(() => Paint(error)) { IsBackground = true, Name = "progress" };
        painter.Start();
    }

    public override void Happened(TransactionEvent happened)
    {
        lock (gate)
        {
            model.Happened(happened);
        }
    }

    public override void Output(string component, string line)
    {
        lock (gate)
        {
            model.Output(component, line);
        }
    }

    public override void Dispose()
    {
        ended.Set();
        if (painter.Join(Patience))
        {
            ended.Dispose();
        }

        base.Dispose();
    }

    private void Paint(TextWriter error)
    {
        // What is over before anyone can read it is not drawn at all.
        if (ended.Wait(Beat))
        {
            return;
        }

        try
        {
            var console = AnsiConsole.Create(new AnsiConsoleSettings
            {
                Out = new AnsiConsoleOutput(error),
                Ansi = AnsiSupport.Yes,
                ColorSystem = terminal.ErrorColor ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
                Interactive = InteractionSupport.Yes,
            });
            console.Profile.Width = terminal.Width;
            console.Profile.Height = terminal.Height;
            console.Profile.Capabilities.Unicode = terminal.Unicode;
            console.Live(new Text("")).AutoClear(true).Overflow(VerticalOverflow.Crop).Start(view =>
            {
                for (var frame = 0; ; frame++)
                {
                    view.UpdateTarget(Frame(frame));
                    if (ended.Wait(Beat))
                    {
                        return;
                    }
                }
            });
        }
        catch (Exception)
        {
            // The terminal is gone, or the view itself broke: the deploy goes on, its report is elsewhere. No view may end it.
        }
    }

    internal Rows Frame(int frame)
    {
        IReadOnlyList<LiveLine> lines;
        int warnings;
        lock (gate)
        {
            lines = model.Lines(Math.Max(3, terminal.Height - 3));
            warnings = model.Warnings;
        }

        var name = Math.Min(24, lines.Select(l => TextWidth.Of(TextWidth.Clean(l.Name))).DefaultIfEmpty(0).Max());
        var doing = Math.Min(32, lines.Select(l => TextWidth.Of(TextWidth.Clean(l.Doing))).DefaultIfEmpty(0).Max());
        var rows = lines.Select(l => Line(l, frame, name, doing)).ToList();
        if (rows.Count == 0)
        {
            // Between two segments nothing may be open; the library cannot draw nothing.
            rows.Add(new Paragraph(" "));
        }

        if (warnings > 0)
        {
            rows.Add(new Paragraph(Reports.Sentences.Count(warnings, "warning"), Style(Tone.Warn)));
        }

        return new Rows(rows);
    }

    private Paragraph Line(LiveLine line, int frame, int name, int doing)
    {
        var spinner = terminal.Unicode ? "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" : "|/-\\";
        var symbol = line.Running ? spinner[frame % spinner.Length].ToString() : line.Symbol.Text;
        var head = $" {Padded(line.Name, name)}  {Padded(line.Doing, doing)}  {line.Elapsed,8}";
        // One column stays free: a line that fills the last one wraps on some terminals.
        var output = TextWidth.Cut(TextWidth.Clean(line.Output), terminal.Width - TextWidth.Of(head) - 4, terminal.Unicode);
        var text = new Paragraph { Overflow = Overflow.Crop };
        return text.Append(symbol, Style(line.Symbol.Tone)).Append(TextWidth.Cut(head, terminal.Width - 2, terminal.Unicode)).Append("  " + output, Style(Tone.Dim));
    }

    private string Padded(string text, int width)
    {
        var cut = TextWidth.Cut(TextWidth.Clean(text), width, terminal.Unicode);
        return cut + new string(' ', width - TextWidth.Of(cut));
    }

    private static Style Style(Tone tone) => tone switch
    {
        Tone.Good => new Style(Color.Green),
        Tone.Bad => new Style(Color.Red),
        Tone.Warn => new Style(Color.Yellow),
        Tone.Accent => new Style(Color.Teal),
        Tone.Dim => new Style(decoration: Decoration.Dim),
        _ => Spectre.Console.Style.Plain,
    };
}
