using System.Diagnostics;
using System.Text.Json;
using Laptime.Processes;
using Laptime.Tests.Engines;

namespace Laptime.Bench.Engines;

/// <summary>A Docker engine of the benchmark's own with a swarm and a registry, all gone at its end; lap's requests are counted on their way to it.</summary>
internal sealed class BenchEngine : IDisposable
{
    private readonly Process script;
    private readonly Process registry;
    private readonly string socket;

    /// <param name="root">The repository.</param>
    public BenchEngine(string root)
    {
        Folder = Directory.CreateTempSubdirectory("laptime-bench-").FullName;
        // Its end of file ends the engine, also when the benchmark is killed.
        script = Process.Start(new ProcessStartInfo("bash", [Path.Combine(root, "tests", "Shared", "engine.sh"), Path.Combine(Path.GetTempPath(), "laptime-engine-" + Path.GetRandomFileName())])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, WorkingDirectory = Path.GetTempPath(),
        })!;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Dispose();
        socket = Tell("start").Split(' ')[1];
        Tell("swarm");
        (registry, RegistryPort) = StoreBench.StartRegistry(Folder);
        Tap = new EngineTap(socket);
    }

    /// <summary>Removed at the end.</summary>
    public string Folder { get; }

    public int RegistryPort { get; }

    public EngineTap Tap { get; }

    public string Host => "unix://" + socket;

    public string Socket => socket;

    /// <summary>Anything with this engine as docker's; lap through the counted socket.</summary>
    public Command Command(string folder, string program, params IReadOnlyList<string> arguments) => new()
    {
        Program = program, Arguments = arguments, Directory = folder,
        Environment = new Dictionary<string, string?> { ["DOCKER_HOST"] = Path.GetFileName(program) == "lap" ? Tap.Host : Host, ["DOCKER_CONTEXT"] = null, ["CI"] = null, ["GITHUB_STEP_SUMMARY"] = null },
    };

    public string Docker(params IReadOnlyList<string> arguments) => Child.Read(Command(Folder, "docker", arguments)).TrimEnd('\n');

    /// <summary>Name and version of every service: what an engine counts its writes by.</summary>
    public string Versions(string stack) => string.Join(' ', Docker("service", "ls", "--quiet", "--filter", $"label=com.docker.stack.namespace={stack}").Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Chunk(50).SelectMany(ids => Docker(["service", "inspect", "--format", "{{.Spec.Name}}={{.Version.Index}}", .. ids]).Split('\n')).Order());

    /// <summary>What the engine told of between two moments, of services, containers, images and networks.</summary>
    public int Events(DateTime from, DateTime to) => Docker(
        "events", "--since", Unix(from), "--until", Unix(to), "--filter", "type=service", "--filter", "type=container", "--filter", "type=image", "--filter", "type=network", "--filter", "type=secret", "--filter", "type=config",
        "--format", "{{.Type}} {{.Action}}").Split('\n', StringSplitOptions.RemoveEmptyEntries).Count(static e => !e.StartsWith("container exec", StringComparison.Ordinal));

    /// <summary>Until the engine has nothing left to do of its own: no update under way.</summary>
    public void Settle(string stack)
    {
        while (Docker("service", "ls", "--quiet", "--filter", $"label=com.docker.stack.namespace={stack}") is { Length: > 0 } ids
            && Docker(["service", "inspect", "--format", "{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}", .. ids.Split('\n')]).Contains("updating", StringComparison.Ordinal))
        {
            Thread.Sleep(200);
        }
    }

    public void Dispose()
    {
        if (script.HasExited)
        {
            return;
        }

        Tap.DisposeAsync().AsTask().GetAwaiter().GetResult();
        registry.Kill();
        registry.WaitForExit();
        script.StandardInput.Close();
        script.WaitForExit();
        Directory.Delete(Folder, recursive: true);
    }

    private static string Unix(DateTime at) => (at - DateTime.UnixEpoch).TotalSeconds.ToString("0.000000000", System.Globalization.CultureInfo.InvariantCulture);

    private string Tell(string command)
    {
        script.StandardInput.WriteLine(command);
        script.StandardInput.Flush();
        var said = script.StandardOutput.ReadLine() ?? "failed engine.sh ended";
        return said.StartsWith("ok", StringComparison.Ordinal) ? said : throw new InvalidOperationException(said);
    }
}
