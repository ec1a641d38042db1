using Laptime.Foundations;

namespace Laptime.Cli.Rendering;

/// <summary>How progress is shown on stderr.</summary>
internal enum ProgressMode
{
    /// <summary>Not at all.</summary>
    Quiet,

    /// <summary>One line for each finished segment.</summary>
    Plain,

    /// <summary>A view that is redrawn in place.</summary>
    Live,

    /// <summary>Events as NDJSON.</summary>
    Json,
}

/// <summary>What the decision follows from: flags, environment, and what stdout and stderr are.</summary>
internal sealed record TerminalFacts
{
    /// <summary><c>--progress</c>; null means auto.</summary>
    public string? Progress { get; init; }

    public bool Quiet { get; init; }

    /// <summary><c>-o json</c>.</summary>
    public bool Json { get; init; }

    public bool NoColor { get; init; }

    public required Func<string, string?> Environment { get; init; }

    public required bool OutIsTerminal { get; init; }

    public required bool ErrorIsTerminal { get; init; }

    /// <summary>Columns and rows of the terminal; null where there is none.</summary>
    public (int Width, int Height)? Size { get; init; }
}

/// <summary>What this run may use of the terminal: decided once, passed to every view.</summary>
/// <param name="Json">Results are one JSON document on stdout.</param>
/// <param name="Color">Colours on stdout. No fact is told by colour alone.</param>
/// <param name="ErrorColor">Colours on stderr.</param>
/// <param name="Unicode">Characters beyond ASCII.</param>
/// <param name="Width">Columns that a line may take.</param>
/// <param name="Height">Rows of one screen.</param>
internal sealed record Terminal(ProgressMode Progress, bool Json, bool Color, bool ErrorColor, bool Unicode, int Width, int Height)
{
    private static readonly string[] Modes = ["auto", "tty", "plain", "json", "quiet"];

    /// <summary>Without a terminal: wide enough for names, and the same everywhere.</summary>
    private const int DefaultWidth = 100;

    /// <exception cref="LapException">An unknown progress mode.</exception>
    public static Terminal Decide(TerminalFacts facts)
    {
        string? Set(string name) => facts.Environment(name) is { Length: > 0 } value ? value : null;

        var dumb = Set("TERM") == "dumb";
        var noColor = facts.NoColor || Set("NO_COLOR") is not null;
        var forceColor = !noColor && Set("FORCE_COLOR") is not (null or "0" or "false");
        var inCi = Set("CI") is not (null or "0" or "false");
        var canRedraw = facts.ErrorIsTerminal && !dumb;
        var mode = (facts.Progress ?? "auto") switch
        {
            _ when facts.Quiet => ProgressMode.Quiet,
            "auto" => canRedraw && !inCi ? ProgressMode.Live : ProgressMode.Plain,
            "tty" => canRedraw ? ProgressMode.Live : ProgressMode.Plain,
            "plain" => ProgressMode.Plain,
            "json" => ProgressMode.Json,
            "quiet" => ProgressMode.Quiet,
            var other => throw new LapException($"unknown progress mode `{other}`", "--progress", NearestName.Suggest(other, Modes)),
        };
        var plain = facts.Progress == "plain";
        return new Terminal(
            mode,
            facts.Json,
            Color: forceColor || (facts.OutIsTerminal && !dumb && !noColor && !plain),
            ErrorColor: forceColor || (facts.ErrorIsTerminal && !dumb && !noColor && !plain),
            Unicode: IsUnicode(Set("LC_ALL") ?? Set("LC_CTYPE") ?? Set("LANG")),
            Width: Math.Clamp(facts.Size is { Width: > 0 } size ? size.Width : Columns(Set("COLUMNS")), 20, 200),
            Height: Math.Max(10, facts.Size is { Height: > 0 } rows ? rows.Height : 24));
    }

    /// <summary>What this process was started with.</summary>
    public static Terminal OfThisProcess(string? progress, bool quiet, bool json, bool noColor)
    {
        var (outIs, errorIs) = (!Console.IsOutputRedirected, !Console.IsErrorRedirected);
        return Decide(new TerminalFacts
        {
            Progress = progress, Quiet = quiet, Json = json, NoColor = noColor, Environment = System.Environment.GetEnvironmentVariable,
            OutIsTerminal = outIs, ErrorIsTerminal = errorIs, Size = outIs || errorIs ? SizeOfConsole() : null,
        });
    }

    private static (int Width, int Height)? SizeOfConsole()
    {
        try
        {
            return (Console.WindowWidth, Console.WindowHeight);
        }
        catch (Exception e) when (e is IOException or PlatformNotSupportedException)
        {
            return null;
        }
    }

    private static int Columns(string? text) => int.TryParse(text, out var columns) && columns > 0 ? columns : DefaultWidth;

    /// <summary>Without a locale (containers) terminals are UTF-8; C and POSIX ask for ASCII.</summary>
    private static bool IsUnicode(string? locale) => locale is null
        || (locale is not ("C" or "POSIX") && (!locale.Contains('.') || locale.Contains("utf", StringComparison.OrdinalIgnoreCase)));
}
