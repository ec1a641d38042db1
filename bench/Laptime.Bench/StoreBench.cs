using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Laptime.Artifacts;
using Laptime.Building;
using Laptime.Fingerprints;
using Laptime.Processes;

namespace Laptime.Bench;

/// <summary>
/// Looking artifacts up in a registry, beside curl; storing and fetching a large artifact, beside <c>sha256sum</c> and <c>cp</c> of the same file.
/// </summary>
internal static partial class StoreBench
{
    private const int Components = 50;
    private const int Megabytes = 500;

    public static void Run(Page page, int rounds)
    {
        var folder = Directory.CreateTempSubdirectory("laptime-bench-").FullName;
        Process? registry = null;
        void Dispose()
        {
            if (Directory.Exists(folder))
            {
                registry?.Kill();
                registry?.WaitForExit();
                Directory.Delete(folder, recursive: true);
            }
        }

        AppDomain.CurrentDomain.ProcessExit += (_, _) => Dispose();
        try
        {
            (registry, var port) = StartRegistry(folder);
            LookUps(page, folder, port, rounds);
            page.Line();
            LargeArtifact(page, folder, port, Math.Max(3, rounds / 2));
            page.Save();
        }
        finally
        {
            Dispose();
        }
    }

    /// <summary>One operation on a store in a process of its own: prints its milliseconds and the process's peak of memory in kB.</summary>
    public static async Task<int> ChildAsync(string[] arguments)
    {
        var (operation, folder, address) = (arguments[0], arguments[1], arguments[2]);
        var layout = new OciLayoutStore(Path.Combine(folder, "store"), TimeProvider.System);
        using var registry = new OciRegistryStore(RegistryAddress.Parse(address), layout, new RegistryOptions(), new ProcessRunner(TimeProvider.System), TimeProvider.System);
        var cancel = CancellationToken.None;
        var fingerprint = Digest.Of("large");
        var started = Stopwatch.GetTimestamp();
        switch (operation)
        {
            case "store":
                await layout.StoreAsync([new OutputFile("large", Path.Combine(folder, "large"), false, null)], fingerprint, cancel);
                break;
            case "fetch":
                await layout.UnpackAsync((await layout.FindAsync(fingerprint, cancel))!.Value, Path.Combine(folder, "out"), cancel);
                break;
            case "push":
                await ArtifactCopy.CopyAsync(layout, registry, (await layout.FindAsync(fingerprint, cancel))!.Value, ["large"], cancel);
                break;
            case "pull":
                await ArtifactCopy.CopyAsync(registry, layout, (await registry.ResolveAsync("large", cancel))!.Digest, ["large"], cancel);
                break;
        }

        var wall = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        var peak = File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmHWM", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{wall:0.0} {peak}"));
        return 0;
    }

    private static void LookUps(Page page, string folder, int port, int rounds)
    {
        var cancel = CancellationToken.None;
        var layout = new OciLayoutStore(Path.Combine(folder, "cache"), TimeProvider.System);
        using var store = new OciRegistryStore(RegistryAddress.Parse($"oci://127.0.0.1:{port}/bench/lookup"), layout, new RegistryOptions(), new ProcessRunner(TimeProvider.System), TimeProvider.System);
        var tags = Enumerable.Range(0, Components).Select(i => ArtifactStore.TagOf(Digest.Of($"component {i}"))).ToList();
        for (var i = 0; i < Components; i++)
        {
            var file = Path.Combine(folder, "small");
            File.WriteAllText(file, $"content {i}");
            Wait(store.StoreAsync([new OutputFile("small", file, false, null)], Digest.Of($"component {i}"), cancel));
        }

        // One connection, one request after the other; the times are curl's own, of the requests alone.
        var curl = new Command
        {
            Program = "curl", Directory = folder,
            Arguments =
            [
                "-s", "-I", "--http1.1", "-o", "/dev/null", "-w", "%{time_total} %{http_code} %{num_connects}\\n", "-H", "Accept: application/vnd.oci.image.manifest.v1+json",
                .. tags.SelectMany((tag, i) => (string[])(i == 0 ? [Url(tag)] : ["-o", "/dev/null", Url(tag)])),
            ],
        };
        var series = Rounds.Run(
            rounds,
            ("curl, one connection", Curl),
            ("`ResolveAsync` (HEAD), all at once", () => Timed(() => Task.WhenAll(tags.Select(tag => store.ResolveAsync(tag, cancel))))),
            ("`GetManifestAsync` (GET and verified), all at once", () => Timed(() => Task.WhenAll(tags.Select(tag => store.GetManifestAsync(tag, cancel))))),
            ("`ResolveAsync`, one after the other", () => Timed(async () =>
            {
                foreach (var tag in tags)
                {
                    await store.ResolveAsync(tag, cancel);
                }
            })));
        page.Line($"## Looking {Components} components up in docker-registry on this machine, warm process, {rounds} rounds");
        page.Line();
        page.Head("all of them, ms", "median", "least", "through curl", "goal");
        foreach (var one in series)
        {
            page.Row(one.Name, Page.Ms(one.Median), Page.Ms(one.Least), one == series[0] ? "" : Page.Times(one.Median / series[0].Median),
                one == series[1] ? $"{Page.Against(one.Median, 150, " ms")}, {Page.Against(one.Median / series[0].Median, 2, " x")}" : "");
        }

        string Url(string tag) => $"http://127.0.0.1:{port}/v2/bench/lookup/manifests/{tag}";

        Cost Curl()
        {
            var lines = Child.Read(curl).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(' ')).ToList();
            return lines.Count == Components && lines.All(l => l[1] == "200") && lines.Sum(l => int.Parse(l[2], CultureInfo.InvariantCulture)) == 1
                ? new Cost(1000 * lines.Sum(l => double.Parse(l[0], CultureInfo.InvariantCulture)), 0)
                : throw new InvalidOperationException("curl did not get 50 answers in one connection");
        }
    }

    private static void LargeArtifact(Page page, string folder, int port, int rounds)
    {
        var large = Path.Combine(folder, "large");
        using (var file = File.Create(large))
        {
            var block = new byte[1 << 20];
            var random = new Random(1);
            for (var i = 0; i < Megabytes; i++)
            {
                random.NextBytes(block);
                file.Write(block);
            }
        }

        var peaks = new Dictionary<string, double>(StringComparer.Ordinal);
        var series = Rounds.Run(
            rounds,
            ("`sha256sum` and `cp`", () => Clean("copy", () => Child.Run(Shell("sha256sum large && cp large copy"), Path.Combine(folder, "sum")))),
            ("`sha256sum` and `cp`, and its data on the disk", () => Clean("copy", () => Child.Run(Shell("sha256sum large && cp large copy && sync -d copy"), Path.Combine(folder, "sum")))),
            ("store in the layout", () => Clean("store", () => Operation("store"))),
            ("fetch from the layout", () => Clean("out", () => Operation("fetch"))),
            ("push to the registry", () => Clean("data/docker", () => Operation("push"))),
            ("pull from the registry, every byte verified", () => Clean("store", () => Operation("pull"))));
        page.Line($"## An artifact of one file of {Megabytes} MB, {rounds} rounds, the file in the cache, the disk idle before each");
        page.Line();
        page.Head("", "ms, median", "least", "MB/s", "of `sha256sum` + `cp`", "peak memory, MB", "goal");
        foreach (var one in series)
        {
            var share = series[0].Median / one.Median;
            var memory = peaks.GetValueOrDefault(one.Name);
            page.Row(one.Name, Page.Ms(one.Median), Page.Ms(one.Least), Page.Ms(Megabytes * 1000 / one.Median), one == series[0] ? "" : $"{100 * share:0} %",
                memory == 0 ? "" : Page.Ms(memory),
                one == series[2] || one == series[3] ? $"{100 * share:0} % {(share >= 0.6 ? "≥" : "**<**")} 60 %, {Page.Against(memory, 150, " MB")}" : memory > 0 ? Page.Against(memory, 150, " MB") : "");
        }

        Command Shell(string text) => Command.Shell(text, folder);

        // What a round writes is removed before the next one, and the disk has nothing left to do.
        Cost Clean(string made, Func<Cost> run)
        {
            var path = Path.Combine(folder, made);
            if (Directory.Exists(path))
            {
                Directory.Delete(path, recursive: true);
            }

            File.Delete(path + ".artifact");
            File.Delete(path);
            _ = Child.Run(Shell("sync"));
            return run();
        }

        Cost Operation(string name)
        {
            var printed = Child.Read(new Command
            {
                Program = Environment.ProcessPath!, Arguments = ["--store", name, folder, $"oci://127.0.0.1:{port}/bench/large"], Directory = folder,
            }).Split(' ');
            var label = name switch
            {
                "store" => "store in the layout", "fetch" => "fetch from the layout", "push" => "push to the registry", _ => "pull from the registry, every byte verified",
            };
            peaks[label] = Math.Max(peaks.GetValueOrDefault(label), double.Parse(printed[1], CultureInfo.InvariantCulture) / 1024);
            return new Cost(double.Parse(printed[0], CultureInfo.InvariantCulture), 0);
        }
    }

    private static Cost Timed(Func<Task> run)
    {
        var started = Stopwatch.GetTimestamp();
        Wait(run());
        return new Cost(Stopwatch.GetElapsedTime(started).TotalMilliseconds, 0);
    }

    private static void Wait(Task task) => task.GetAwaiter().GetResult();

    internal static (Process, int) StartRegistry(string folder)
    {
        File.WriteAllText(Path.Combine(folder, "registry.yml"), $$"""
            version: 0.1
            log: { level: info, accesslog: { disabled: true } }
            storage:
              filesystem: { rootdirectory: {{folder}}/data }
              delete: { enabled: true }
            http: { addr: "127.0.0.1:0", secret: of-a-bench }

            """);
        var process = Process.Start(new ProcessStartInfo("docker-registry", ["serve", Path.Combine(folder, "registry.yml")]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.BeginOutputReadLine();
        var listening = new TaskCompletionSource<int>();
        var said = new StringBuilder();
        process.ErrorDataReceived += (_, e) =>
        {
            if (e.Data is null)
            {
                listening.TrySetException(new InvalidOperationException($"docker-registry ended:\n{said}"));
            }
            else if (Listening().Match(e.Data) is { Success: true } match)
            {
                listening.TrySetResult(int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture));
            }
            else if (said.Length < 10_000)
            {
                said.AppendLine(e.Data);
            }
        };
        process.BeginErrorReadLine();
        return (process, listening.Task.GetAwaiter().GetResult());
    }

    [GeneratedRegex(@"listening on 127\.0\.0\.1:(\d+)")]
    private static partial Regex Listening();
}
