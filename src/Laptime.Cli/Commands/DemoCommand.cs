using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using Laptime.Foundations;

namespace Laptime.Cli.Commands;

/// <summary>
/// `lap demo`: a tour on a real workspace. It copies examples/shop, and then does what a person would: deploy, deploy again, edit, break, mend. Each step is
/// the very command that it names.
/// </summary>
internal static class DemoCommand
{
    private static readonly Option<string?> Folder = Flag.Text("--folder", "Where the demo's workspace is put (default: a new folder below the temporary one)", "DIR");

    public static System.CommandLine.Command Make() => Verb.Make(
        "demo", "See it work: deploy a small shop, change it, break it, and watch what lap says.", [Folder],
        RunAsync, "lap demo", "lap demo --folder ~/shop    to go on with it yourself");

    private static async Task<int> RunAsync(Session session)
    {
        var source = Path.Combine(AppContext.BaseDirectory, "demo", "shop");
        if (!Directory.Exists(source))
        {
            throw new LapException("the demo's workspace is not beside lap", source, "run it from a checkout (./lap demo) or from the installed tool");
        }

        var root = Path.GetFullPath(session.Arguments.GetValue(Folder) ?? Path.Combine(Path.GetTempPath(), "laptime-demo-" + Guid.NewGuid().ToString("N")[..6]));
        if (Directory.Exists(root) && Directory.EnumerateFileSystemEntries(root).Any())
        {
            throw new LapException("the folder is not empty", root, "name one that does not exist yet");
        }

        var serversBefore = BuildServers();
        Copy(source, root);
        await CommitAsync(session, root);
        var before = Directory.GetCurrentDirectory();
        Directory.SetCurrentDirectory(root);
        try
        {
            return await TourAsync(session, root);
        }
        finally
        {
            // Whatever happened, nothing of the demo goes on running.
            Say("The end: everything that runs is stopped.");
            Do(["down", "-q"]);
            Do(["agent", "stop", "--instances"]);
            Directory.SetCurrentDirectory(before);
            if (serversBefore.Count == 0 && BuildServers().Count > 0)
            {
                await session.Runner.RunAsync(new Processes.Command { Program = "dotnet", Arguments = ["build-server", "shutdown"], Directory = root, Deadline = TimeSpan.FromSeconds(30) }, null, CancellationToken.None);
            }

            Console.Out.WriteLine($"The workspace stays for you to look at: {root}\nThe reports: {Path.Combine(root, ".laptime", "reports")}");
        }
    }

    private static async Task<int> TourAsync(Session session, string root)
    {
        Say("1. The first deploy: everything is built, started, asked, and only then served.", "lap deploy");
        if (!Expect(Do(["deploy"]), 0))
        {
            return Outcome.InternalError.ExitCode;
        }

        Say("2. The same again: nothing changed, and the target itself says so.", "lap deploy");
        if (!Expect(Do(["deploy"]), 0))
        {
            return Outcome.InternalError.ExitCode;
        }

        Say("3. One edit in the gateway: one component is built and replaced, while it serves.", "edit src/gateway/CartText.cs", "lap deploy");
        var text = Path.Combine(root, "src", "gateway", "CartText.cs");
        await File.AppendAllTextAsync(text, "\n// Edited by lap demo.\ninternal static class EditedByTheDemo { internal const string At = \"" + DateTime.UtcNow.ToString("O") + "\"; }\n");
        if (!Expect(Do(["deploy"]), 0))
        {
            return Outcome.InternalError.ExitCode;
        }

        var gateway = session.Workspace.Find("gateway")!.Run!.Port!.Value;
        var serving = await AskAsync(gateway, session.Shutdown.Token);
        Say("4. A change that never gets ready: it is refused, and what served before goes on serving.", "let src/gateway/Readiness.cs answer 503", "lap deploy gateway");
        var readiness = Path.Combine(root, "src", "gateway", "Readiness.cs");
        var file = Path.Combine(root, "laptime.yaml");
        var (good, patient) = (await File.ReadAllTextAsync(readiness), await File.ReadAllTextAsync(file));
        await File.WriteAllTextAsync(readiness, Broken(good));
        await File.WriteAllTextAsync(file, patient.Replace("timeout: 30s", "timeout: 3s", StringComparison.Ordinal));
        var refused = Do(["deploy", "gateway"]);
        if (!Expect(refused, Outcome.ReadinessTimeout.ExitCode))
        {
            return Outcome.InternalError.ExitCode;
        }

        var still = await AskAsync(gateway, session.Shutdown.Token);
        Console.Out.WriteLine($"\nhttp://127.0.0.1:{gateway}/version before: {serving}\nhttp://127.0.0.1:{gateway}/version now:    {still}  {(still == serving ? "(the same: nobody noticed)" : "")}");
        if (still != serving)
        {
            return Outcome.InternalError.ExitCode;
        }

        Say("5. The change is taken back: its artifact is still here and still runs, so nothing is built.", "lap deploy");
        await File.WriteAllTextAsync(readiness, good);
        await File.WriteAllTextAsync(file, patient);
        if (!Expect(Do(["deploy"]), 0))
        {
            return Outcome.InternalError.ExitCode;
        }

        Say("6. What happened.", "lap history");
        return Do(["history"]);
    }

    private static int Do(string[] arguments) => Program.Run(arguments);

    private static bool Expect(int code, int wanted)
    {
        if (code != wanted)
        {
            Console.Error.WriteLine($"\nlap demo: that ended with {code}, and {wanted} was expected; the demo stops here");
        }

        return code == wanted;
    }

    private static void Say(string what, params string[] commands)
    {
        Console.Out.WriteLine($"\n── {what}");
        foreach (var command in commands)
        {
            Console.Out.WriteLine($"   $ {command}");
        }

        Console.Out.WriteLine();
        Console.Out.Flush();
    }

    /// <summary>The shop's readiness answer, turned into a refusal.</summary>
    private static string Broken(string source)
    {
        var answer = source.IndexOf("Results.Text(", StringComparison.Ordinal);
        return answer < 0
            ? throw new InvalidOperationException("the shop's Readiness.cs is not as the demo knows it")
            : source[..answer] + "Results.StatusCode(503);" + source[(source.IndexOf(';', answer) + 1)..];
    }

    /// <summary>Copies the shop, with ports that are free here in place of its own.</summary>
    private static void Copy(string source, string root)
    {
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(root, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        var yaml = Path.Combine(root, "laptime.yaml");
        var text = File.ReadAllText(yaml);
        var taken = new List<TcpListener>();
        foreach (var port in new[] { "18080", "18081", "18082" })
        {
            var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            taken.Add(listener);
            text = text.Replace(port, ((IPEndPoint)listener.LocalEndpoint).Port.ToString(), StringComparison.Ordinal);
        }

        taken.ForEach(t => t.Stop());
        File.WriteAllText(yaml, text);
    }

    /// <summary>With git the demo shows commits too; without, saves.</summary>
    private static async Task CommitAsync(Session session, string root)
    {
        string[][] commands = [["init", "-q"], ["add", "-A"], ["-c", "user.name=lap demo", "-c", "user.email=demo@localhost", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "The shop"]];
        foreach (var arguments in commands)
        {
            try
            {
                await session.Runner.RunAsync(new Processes.Command { Program = "git", Arguments = arguments, Directory = root, Deadline = TimeSpan.FromSeconds(30) }, null, session.Shutdown.Token);
            }
            catch (FaultException)
            {
                return;
            }
        }
    }

    private static async Task<string> AskAsync(int port, CancellationToken cancel)
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        return (await client.GetStringAsync(new Uri($"http://127.0.0.1:{port}/version"), cancel)).Trim();
    }

    /// <summary>Build servers of .NET that run now: those of other people are left alone.</summary>
    private static List<int> BuildServers()
    {
        var found = new List<int>();
        foreach (var folder in OperatingSystem.IsLinux() ? Directory.EnumerateDirectories("/proc") : [])
        {
            try
            {
                if (int.TryParse(Path.GetFileName(folder), out var pid) && File.ReadAllText(folder + "/cmdline") is { } line
                    && (line.Contains("VBCSCompiler", StringComparison.Ordinal) || line.Contains("MSBuild.dll", StringComparison.Ordinal)))
                {
                    found.Add(pid);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It ended while we looked.
            }
        }

        return found;
    }
}
