using Laptime.Fingerprints;
using Laptime.Workspaces;

namespace Laptime.Planning;

/// <summary>What an environment's infrastructure is made from: contents of its inputs and its bootstrap commands. Git has no say in it.</summary>
/// <param name="Value">Digest of all parts.</param>
/// <param name="Parts">Path to content, and each command by its number, as digests: a changed one is shown by its name.</param>
public sealed record InfraFingerprint(Digest Value, IReadOnlyDictionary<string, string> Parts)
{
    /// <summary>Null: the environment has no bootstrap, so nothing can be out of date.</summary>
    /// <param name="commands">The bootstrap commands with their templates resolved.</param>
    public static InfraFingerprint? Of(DeployEnvironment environment, IReadOnlyList<InputFile> files, IReadOnlyList<IReadOnlyList<string>> commands)
    {
        if (environment.Infra is not { Bootstrap.Count: > 0 })
        {
            return null;
        }

        var parts = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var file in files)
        {
            parts[file.Path] = file.Value;
        }

        for (var i = 0; i < commands.Count; i++)
        {
            using var command = new LengthPrefixed("laptime/bootstrap/v1");
            foreach (var word in commands[i])
            {
                command.Add(word);
            }

            parts[$"bootstrap command {i + 1}"] = command.Finish().ToHex();
        }

        using var hash = new LengthPrefixed("laptime/infra/v1");
        foreach (var (name, value) in parts)
        {
            hash.Add(name).Add(value);
        }

        return new InfraFingerprint(hash.Finish(), parts);
    }

    /// <summary>The names of what differs.</summary>
    public IReadOnlyList<string> Since(InfraFingerprint before) =>
    [
        .. Parts.Where(p => before.Parts.TryGetValue(p.Key, out var old) && old != p.Value).Select(p => p.Key),
        .. Parts.Keys.Where(k => !before.Parts.ContainsKey(k)).Select(k => k + " (added)"),
        .. before.Parts.Keys.Where(k => !Parts.ContainsKey(k)).Select(k => k + " (removed)"),
    ];
}

/// <param name="Wanted">As the files are.</param>
/// <param name="Recorded">What the environment was last bootstrapped from; null: nobody knows, which is not equal.</param>
public sealed record InfraFacts(InfraFingerprint Wanted, InfraFingerprint? Recorded)
{
    /// <summary>What must be bootstrapped, and why; null: the environment stands as the files say.</summary>
    public PlannedBootstrap? Plan =>
        Recorded is null ? new PlannedBootstrap(Wanted, ["it is not known that this environment was bootstrapped from these files"])
        : Recorded.Value == Wanted.Value ? null
        : new PlannedBootstrap(Wanted, Wanted.Since(Recorded));
}

/// <summary>The environment is bootstrapped: after everything was built, before anything is rolled out.</summary>
/// <param name="Detail">What changed.</param>
public sealed record PlannedBootstrap(InfraFingerprint Fingerprint, IReadOnlyList<string> Detail)
{
    /// <summary>In one line, with at most three of the names.</summary>
    public string Text(string environment, IReadOnlyCollection<string>? named) =>
        $"infra of {environment} changed ({string.Join(", ", Detail.Take(3))}{(Detail.Count > 3 ? $" and {Detail.Count - 3} more" : "")}): it is bootstrapped once everything is built"
        + (named is null ? "" : $"; everything is planned, not only {string.Join(", ", named.Order(StringComparer.Ordinal))}");
}
