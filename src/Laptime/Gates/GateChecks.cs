using System.Collections;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Gates;

/// <summary>Runs checks in a folder, and looks at what they leave. In a claim and in a verification alike.</summary>
/// <param name="root">Folder of gates.yaml, there.</param>
/// <param name="environment">Over the inherited one; null removes a name.</param>
/// <param name="secrets">Values that no record may hold.</param>
internal sealed class GateChecks(GateSheet sheet, string root, IReadOnlyDictionary<string, string?> environment, IReadOnlyList<string> secrets, ProcessRunner runner)
{
    private const int TailLines = 20;
    private const int TailCharacters = 500;
    private const int MostEvidence = 200;
    private static readonly TimeSpan ToolBound = TimeSpan.FromSeconds(30);
    private static readonly string[] SecretWords = ["TOKEN", "SECRET", "PASSW", "CREDENTIAL", "PRIVATE", "APIKEY", "API_KEY", "ACCESS_KEY", "_KEY", "_PAT", "DATABASE_URL", "_DSN", "CONNECTION"];

    /// <summary>Values of this process' variables that may be secret by their names: a check's output is committed.</summary>
    public static IReadOnlyList<string> SecretsOf(IDictionary variables) =>
        [.. variables.Keys.Cast<string>().Where(n => SecretWords.Any(w => n.Contains(w, StringComparison.OrdinalIgnoreCase))).Select(n => variables[n] as string ?? "").Where(v => v.Length >= 6)];

    /// <summary>The check, to its end or to its bound.</summary>
    /// <param name="onLine">What it prints, as it comes.</param>
    public async Task<GateRun> RunAsync(GateItem item, Action<OutputLine>? onLine, CancellationToken cancel)
    {
        using var output = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var result = await runner.RunAsync(Command(item.Check, item.Shell, item.Timeout, item.Env), line =>
        {
            if (!line.IsError)
            {
                output.AppendData(Encoding.UTF8.GetBytes(Own(line.Text) + "\n"));
            }

            onLine?.Invoke(line);
        }, cancel).ConfigureAwait(false);
        return new GateRun(
            item.Id, item.Line, result.ExitCode, result.TimedOut, result.TimedOut ? $"no end within {Duration.Text(item.Timeout)}" : result.Ending, Math.Round(result.Elapsed.TotalSeconds, 3),
            Digest.From(output.GetHashAndReset()).ToString(), [.. result.Tail.TakeLast(TailLines).Select(Own).Select(l => l.Length <= TailCharacters ? l : l[..TailCharacters] + "…")]);
    }

    /// <summary>What the tools of gates.yaml say of themselves here; one that says nothing is told so.</summary>
    public async Task<GateEnvironment> EnvironmentAsync(string lap, string? path, CancellationToken cancel)
    {
        var tools = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, command) in sheet.Tools)
        {
            string? said = null;
            var result = await runner.RunAsync(Command([command], shell: true, ToolBound, new Dictionary<string, string>()), line => said ??= line.Text.Trim() is { Length: > 0 } text ? text : null, cancel).ConfigureAwait(false);
            tools[name] = result.Succeeded && said is not null ? Own(said) : result.Succeeded ? "said nothing" : result.Ending;
        }

        string? Of(string name) => environment.TryGetValue(name, out var given) ? given : Environment.GetEnvironmentVariable(name);
        return new GateEnvironment(
            RuntimeInformation.OSDescription, RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant(), Of("LC_ALL") is { Length: > 0 } all ? all : Of("LANG") ?? "",
            lap, tools, [.. sheet.Vars.Where(v => Of(v) is not null)], path);
    }

    /// <summary>The files that the item's globs find now.</summary>
    /// <param name="files">Every file in the folder, relative to it.</param>
    /// <param name="keep">Keeps a copy; null: none is kept.</param>
    /// <exception cref="FaultException">A glob finds nothing, or too much.</exception>
    public IReadOnlyList<GateEvidence> Evidence(GateItem item, IReadOnlyList<string> files, Func<Digest, string, byte[], string>? keep)
    {
        if (item.Evidence.Count == 0)
        {
            return [];
        }

        var (all, records) = (InputPatterns.Compile("", item.Evidence), new RecordNames(sheet.Records));
        var found = files.Where(f => all.Matches(f) && !records.IsOne(f) && Regular(f)).Order(StringComparer.Ordinal).ToList();
        if (found.Count > MostEvidence)
        {
            throw new FaultException(new Fault(Outcome.GateFailed, $"{item.Id}: {found.Count} files are evidence, at most {MostEvidence} can be", sheet.File, "name fewer files, or pack them into one"));
        }

        var (evidence, together) = (new List<GateEvidence>(), 0L);
        foreach (var path in found)
        {
            var (full, size) = (Path.Combine(root, path), new FileInfo(Path.Combine(root, path)).Length);
            if (keep is null || size > GateRecords.MostKept || together + size > GateRecords.MostKeptTogether)
            {
                using var stream = File.OpenRead(full);
                evidence.Add(new GateEvidence(path, Digest.From(SHA256.HashData(stream)).ToString(), size, null));
                continue;
            }

            var content = File.ReadAllBytes(full);
            var digest = Digest.Of(content);
            together += size;
            evidence.Add(new GateEvidence(path, digest.ToString(), size, keep(digest, path, content)));
        }

        return evidence;
    }

    /// <summary>Globs of the item that find nothing among these.</summary>
    public static IReadOnlyList<string> Without(GateItem item, IReadOnlyList<GateEvidence> evidence) =>
        [.. item.Evidence.Where(g => !g.StartsWith('!') && !evidence.Any(e => InputPatterns.Compile("", [g]).Matches(e.Path)))];

    /// <summary>Links lead elsewhere: what they show is not what the check left here.</summary>
    private bool Regular(string path) => new FileInfo(Path.Combine(root, path)) is { Exists: true, LinkTarget: null };

    /// <summary>Two folders are two paths: the folder's own is written as `.`.</summary>
    private string Own(string line) => line.Replace(root, ".", StringComparison.Ordinal);

    private Command Command(IReadOnlyList<string> check, bool shell, TimeSpan bound, IReadOnlyDictionary<string, string> own)
    {
        var variables = new Dictionary<string, string?>(environment, StringComparer.Ordinal);
        foreach (var (name, value) in own)
        {
            variables[name] = value;
        }

        var command = shell ? Processes.Command.Shell(check[0], root) : new Command { Program = check[0], Arguments = [.. check.Skip(1)], Directory = root };
        return command with { Environment = variables, Secrets = secrets, Deadline = bound, FailsAs = Outcome.GateFailed };
    }
}
