namespace Laptime.Workspaces.Init;

/// <summary>Something `lap init` recognised.</summary>
/// <param name="Kind">compose, dockerfile, dotnet, solution, node, go, rust, python, chart, manifests, migrations.</param>
/// <param name="Path">Relative to the folder, with '/'.</param>
/// <param name="Meaning">What was made of it, in a sentence.</param>
public sealed record InitFinding(string Kind, string Path, string Meaning);

/// <summary>The text of a first laptime.yaml and what it was made from.</summary>
public sealed record InitProposal(string Text, IReadOnlyList<InitFinding> Findings);

/// <summary>A guess at one component.</summary>
internal sealed record ComponentGuess(string Name, string Path)
{
    /// <summary>Why it is guessed and what to change: comments above it.</summary>
    public List<string> Why { get; } = [];

    public List<string> Inputs { get; } = [];

    public List<(string Name, string Kind, string Run, IReadOnlyList<string> Inputs)> Steps { get; } = [];

    public List<string> Outputs { get; } = [];

    public List<string> Needs { get; set; } = [];

    public (string Dockerfile, string? Target)? Image { get; set; }

    /// <summary>Build arguments of the image.</summary>
    public IReadOnlyDictionary<string, string> Arguments { get; init; } = new Dictionary<string, string>();

    public string? Command { get; set; }

    /// <summary>Null: it serves none. 0: any free one.</summary>
    public int? Port { get; set; }

    public Dictionary<string, string> Env { get; } = [];

    /// <summary>An HTTP path for readiness; null: a TCP connection.</summary>
    public string? Health { get; set; }

    public bool UsesConfiguration { get; set; }

    /// <summary>A service of a compose file: its name is the file's.</summary>
    public bool IsService { get; init; }
}
