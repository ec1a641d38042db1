using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Threading.Channels;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Workspaces;

namespace Laptime.Targets.Kubernetes;

/// <summary>Every call of kubectl (and helm): exact argument lists, each with a bound. Nothing else in Laptime starts either.</summary>
internal sealed class Kubectl(string root, KubernetesSettings settings, IReadOnlyList<string> secrets, ProcessRunner runner)
{
    /// <summary>Everything that may be a component's workload.</summary>
    public const string Workloads = "deployments.apps,statefulsets.apps,daemonsets.apps";

    private const string Manager = "laptime";
    private const int MostBytes = 64 << 20;

    private static readonly TimeSpan RequestBound = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ApplyBound = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan DeleteBound = TimeSpan.FromMinutes(2);
    private static readonly Version Least = new(1, 23);

    private readonly IReadOnlyList<string> needles = Redactor.Needles(secrets);
    private bool isNewEnough;

    private IReadOnlyList<string> Place =>
    [
        .. settings.Context is { } context ? [$"--context={context}"] : (IReadOnlyList<string>)[],
        .. settings.Namespace is { } name ? [$"--namespace={name}"] : (IReadOnlyList<string>)[],
    ];

    private IReadOnlyList<string> Bounded => [.. Place, "--request-timeout=30s"];

    public static IReadOnlyList<string> VersionArguments => ["version", "--client", "--output=json"];

    /// <summary>Reads manifests as kubectl reads them, without asking the cluster: objects as JSON come out.</summary>
    public IReadOnlyList<string> ReadArguments(IReadOnlyList<string> files) =>
        ["annotate", "--local", "--output=json", .. files.Select(f => $"--filename={f}"), .. settings.Kustomize is { } folder ? [$"--kustomize={folder}"] : (IReadOnlyList<string>)[], $"{Labels.Manager}={Manager}"];

    public IReadOnlyList<string> ChartArguments(string release) =>
    [
        "template", release, settings.Chart!, .. settings.Values.Select(v => $"--values={v}"), .. settings.Namespace is { } name ? [$"--namespace={name}"] : (IReadOnlyList<string>)[],
        .. settings.Context is { } context ? [$"--kube-context={context}"] : (IReadOnlyList<string>)[],
    ];

    public IReadOnlyList<string> ApplyArguments(string file) =>
        ["apply", "--server-side", $"--field-manager={Manager}", "--output=json", $"--filename={file}", .. Bounded];

    public IReadOnlyList<string> ListArguments(string selector) => ["get", Workloads + ",pods", $"--selector={selector}", "--output=json", .. Bounded];

    /// <summary>A watch has no request timeout: the server would end it then. The caller bounds it.</summary>
    public IReadOnlyList<string> WatchArguments(string kind, string selector) =>
        ["get", kind, $"--selector={selector}", "--watch", "--output-watch-events", "--output=json", .. Place];

    public IReadOnlyList<string> LogArguments(string selector, int lines, bool follow) =>
        ["logs", $"--selector={selector}", "--all-containers", $"--tail={lines.ToString(CultureInfo.InvariantCulture)}", "--max-log-requests=50", .. follow ? ["--follow"] : (IReadOnlyList<string>)[], .. Place];

    public IReadOnlyList<string> PreviousLogArguments(string pod, string container, bool previous) =>
        ["logs", pod, $"--container={container}", "--tail=20", .. previous ? ["--previous"] : (IReadOnlyList<string>)[], .. Bounded];

    public IReadOnlyList<string> ExecArguments(string pod, string container, IReadOnlyList<string> command, bool input = false) =>
        ["exec", pod, $"--container={container}", .. input ? ["--stdin"] : (IReadOnlyList<string>)[], .. Place, "--", .. command];

    public IReadOnlyList<string> DeleteArguments(string selector) =>
        ["delete", Workloads + ",services", $"--selector={selector}", "--ignore-not-found", "--wait", "--timeout=110s", .. Place];

    public IReadOnlyList<string> UndoArguments(string kind, string name) => ["rollout", "undo", $"{kind}/{name}", .. Bounded];

    /// <exception cref="FaultException">There is none, or it is too old to be understood.</exception>
    public async Task RequireAsync(CancellationToken cancel)
    {
        if (isNewEnough)
        {
            return;
        }

        var text = await TextAsync(VersionArguments, RequestBound, cancel);
        var match = Regex.Match(text, "\"gitVersion\": *\"v?([0-9]+)\\.([0-9]+)");
        if (!match.Success)
        {
            throw new FaultException(new Fault(Outcome.RolloutFailed, $"kubectl does not say its version: {Signals.ProbeText.Excerpt(text, 120)}", "kubectl", "see by hand what `kubectl version --client` prints"));
        }

        var version = new Version(int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture), int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture));
        isNewEnough = version >= Least ? true : throw new FaultException(new Fault(Outcome.RolloutFailed, $"kubectl {version} is too old: {Least} is needed", "kubectl", $"install kubectl {Least} or newer"));
    }

    /// <summary>The environment's objects.</summary>
    /// <param name="files">Its manifests; with a kustomization or a chart, none.</param>
    /// <param name="release">The chart's release.</param>
    public async Task<IReadOnlyList<JsonObject>> ReadAsync(IReadOnlyList<string> files, string release, CancellationToken cancel)
    {
        if (settings.Chart is null)
        {
            return Documents(await TextAsync(ReadArguments(files), ApplyBound, cancel));
        }

        var (result, output) = await runner.RunForBytesAsync(
            new Command { Program = "helm", Arguments = ChartArguments(release), Directory = root, Deadline = ApplyBound, FailsAs = Outcome.RolloutFailed }, MostBytes, cancel);
        if (!result.Succeeded)
        {
            throw new FaultException(Failed("helm template", result));
        }

        return await WithFileAsync(output, async file => Documents(await TextAsync(ReadArguments([file]), ApplyBound, cancel)));
    }

    /// <summary>Applies objects; what the server made of them comes back.</summary>
    /// <exception cref="FaultException">Refused; a field that somebody else owns is named with its owner.</exception>
    public Task<IReadOnlyList<JsonObject>> ApplyAsync(IReadOnlyList<JsonObject> objects, CancellationToken cancel) => WithFileAsync(BytesOf(objects), async file =>
    {
        var (result, output) = await RunAsync(ApplyArguments(file), ApplyBound, cancel);
        return result.Succeeded ? Documents(Encoding.UTF8.GetString(output)) : throw new FaultException(Conflict(result) ?? Failed("kubectl apply", result));
    });

    /// <summary>Workloads and pods with these labels, in one call.</summary>
    public async Task<IReadOnlyList<JsonObject>> ListAsync(string selector, CancellationToken cancel) => Documents(await TextAsync(ListArguments(selector), RequestBound, cancel));

    /// <summary>What there is and every change of it, until cancelled or until the server ends it.</summary>
    public async IAsyncEnumerable<(string Type, JsonObject Object)> WatchAsync(string kind, string selector, [EnumeratorCancellation] CancellationToken cancel)
    {
        // An event is one line, whatever --output=json makes of single objects.
        await foreach (var line in LinesAsync(WatchArguments(kind, selector), MostBytes / 64, cancel))
        {
            if (Parsed(line) is { } read && read["object"] is JsonObject found)
            {
                yield return ((string?)read["type"] ?? "", found);
            }
        }

        static JsonObject? Parsed(string line)
        {
            try
            {
                return JsonNode.Parse(line) as JsonObject;
            }
            catch (JsonException e)
            {
                throw new FaultException(new Fault(Outcome.RolloutFailed, $"kubectl printed an event that is no JSON: {Signals.ProbeText.Excerpt(line, 120)}", "kubectl get --watch"), e);
            }
        }
    }

    public IAsyncEnumerable<string> LogsAsync(string selector, int lines, bool follow, CancellationToken cancel) => LinesAsync(LogArguments(selector, lines, follow), 64 << 10, cancel);

    /// <returns>The program's exit code, which kubectl hands on.</returns>
    public Task<int> ExecAsync(string pod, string container, ExecRequest request, Action<ExecLine> said, CancellationToken cancel) =>
        runner.PassAsync(Of(ExecArguments(pod, container, request.Command, request.Input is not null)) with { InputFile = request.Input }, said, cancel);

    /// <summary>The last words of a container, of the one before it where it was started again; nothing when they cannot be had.</summary>
    public async Task<IReadOnlyList<string>> LastWordsAsync(string pod, string container, bool previous, CancellationToken cancel)
    {
        var (result, output) = await RunAsync(PreviousLogArguments(pod, container, previous), RequestBound, cancel);
        return result.Succeeded
            ? [.. Encoding.UTF8.GetString(output).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => Redactor.Text(TerminalText.Strip(l), needles))]
            : previous ? await LastWordsAsync(pod, container, previous: false, cancel) : [];
    }

    public async Task DeleteAsync(string selector, CancellationToken cancel) => await TextAsync(DeleteArguments(selector), DeleteBound, cancel);

    public async Task UndoAsync(string kind, string name, CancellationToken cancel) => await TextAsync(UndoArguments(kind, name), RequestBound, cancel);

    /// <summary>Every object of an output: one after the other, or in a List.</summary>
    public static IReadOnlyList<JsonObject> Documents(string text)
    {
        var found = new List<JsonObject>();
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(text), new JsonReaderOptions { AllowMultipleValues = true });
        while (reader.Read())
        {
            if (JsonNode.Parse(ref reader) is not JsonObject read)
            {
                continue;
            }

            if (read["items"] is JsonArray items && ((string?)read["kind"])?.EndsWith("List", StringComparison.Ordinal) == true)
            {
                found.AddRange(items.OfType<JsonObject>().Select(o => o.DeepClone().AsObject()));
            }
            else
            {
                found.Add(read);
            }
        }

        return found;
    }

    private IAsyncEnumerable<string> LinesAsync(IReadOnlyList<string> arguments, int longest, CancellationToken cancel) => ProgramLines.ReadAsync(
        Channel.CreateUnbounded<string>(),
        (onLine, ended) => runner.RunAsync(Of(arguments) with { LineCharacters = longest }, line =>
        {
            if (!line.IsError)
            {
                onLine(line.Text);
            }
        }, ended),
        result => new FaultException(Failed($"kubectl {arguments[0]}", result)), cancel);

    private async Task<string> TextAsync(IReadOnlyList<string> arguments, TimeSpan bound, CancellationToken cancel)
    {
        var (result, output) = await RunAsync(arguments, bound, cancel);
        return result.Succeeded ? Encoding.UTF8.GetString(output) : throw new FaultException(Failed($"kubectl {arguments[0]}", result));
    }

    private Task<(ProcessResult Result, byte[] Output)> RunAsync(IReadOnlyList<string> arguments, TimeSpan bound, CancellationToken cancel) =>
        runner.RunForBytesAsync(Of(arguments) with { Deadline = bound }, MostBytes, cancel);

    private Command Of(IReadOnlyList<string> arguments) => new() { Program = "kubectl", Arguments = arguments, Directory = root, FailsAs = Outcome.RolloutFailed };

    /// <summary>Manifests may hold secrets: the file is this user's alone, and gone at the end.</summary>
    private async Task<T> WithFileAsync<T>(byte[] content, Func<string, Task<T>> use)
    {
        var folder = new WorkspaceFolder(root);
        folder.Create(folder.Run);
        var file = Path.Combine(folder.Run, $"objects-{Guid.NewGuid():N}.yaml");
        try
        {
            AtomicFile.Write(file, content, durable: false, mode: UnixFileMode.UserRead | UnixFileMode.UserWrite);
            return await use(file);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>One document after the other, not a List: kubectl validates each as what it is.</summary>
    private static byte[] BytesOf(IReadOnlyList<JsonObject> objects)
    {
        using var bytes = new MemoryStream();
        foreach (var one in objects)
        {
            bytes.Write("---\n"u8);
            using (var json = new Utf8JsonWriter(bytes))
            {
                one.WriteTo(json);
            }

            bytes.Write("\n"u8);
        }

        return bytes.ToArray();
    }

    /// <summary>"Apply failed with 1 conflict: conflict with "hpa" using apps/v1: .spec.replicas".</summary>
    private Fault? Conflict(ProcessResult result)
    {
        var text = string.Join('\n', result.Tail);
        var owners = Regex.Matches(text, "conflicts? with \"([^\"]+)\"[^:\n]*:?\\s*((?:[-\\s]*\\.[^\n]+\n?)*)");
        if (!text.Contains("Apply failed with", StringComparison.Ordinal) || owners.Count == 0)
        {
            return null;
        }

        var named = owners.Select(o => $"{o.Groups[1].Value} owns {string.Join(", ", o.Groups[2].Value.Split('\n').Select(f => f.Trim(' ', '-')).Where(f => f.Length > 0))}");
        return new Fault(
            Outcome.RolloutFailed, Redactor.Text($"the cluster refuses the objects: {string.Join("; ", named)}", needles), Where,
            "take these fields out of the manifests, or let their owner give them up (kubectl apply --server-side --force-conflicts, once, by hand)", Shown(result.Tail));
    }

    private Fault Failed(string what, ProcessResult result) => new(
        Outcome.RolloutFailed,
        Redactor.Text($"`{what}` failed: {result.Ending}{(result.Tail is [.., var last] ? ": " + Signals.ProbeText.Excerpt(last, 300) : "")}", needles), Where,
        result.TimedOut ? "see whether the cluster answers: kubectl get --raw /readyz" : "its last lines say why; `kubectl` by hand says more", Shown(result.Tail));

    private string Where => $"kubernetes context {settings.Context ?? "(current)"}, namespace {settings.Namespace ?? "(the context's)"}";

    private List<string> Shown(IReadOnlyList<string> lines) => [.. lines.Select(l => Redactor.Text(l, needles))];
}
