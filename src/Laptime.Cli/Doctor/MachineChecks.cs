using System.Globalization;
using Laptime.Processes;
using Laptime.Targets.Local;
using Laptime.Workspaces;

namespace Laptime.Cli.Doctor;

/// <summary>What this machine has: disk, ports, inotify, IPVS, git, kubectl, the agent.</summary>
internal static class MachineChecks
{
    private const long Full = 100L << 20;
    private const long Scarce = 2L << 30;
    private const long FewWatches = 65_536;
    private const long FewInstances = 128;

    public static Verdict Disk(string folder, string mend)
    {
        var at = new DirectoryInfo(folder);
        while (!at.Exists && at.Parent is { } above)
        {
            at = above;
        }

        var drive = new DriveInfo(at.FullName);
        var free = drive.AvailableFreeSpace;
        var text = $"{folder}: {Size(free)} free of {Size(drive.TotalSize)}";
        return free < Full ? Verdict.Fail(text, mend) : free < Scarce ? Verdict.Warn(text, mend) : Verdict.Ok(text);
    }

    /// <summary>Swarm's virtual addresses and ingress ports are IPVS: without it they hang or refuse.</summary>
    /// <param name="asked">The workspace has an environment that is a swarm.</param>
    public static Verdict Ipvs(bool asked, string path = "/proc/net/ip_vs") => !OperatingSystem.IsLinux() ? Verdict.Ok("asked on Linux alone")
        : File.Exists(path) ? Verdict.Ok("the kernel has it")
        : !asked ? Verdict.Ok("the kernel has none (no /proc/net/ip_vs), and it is not needed")
        : Verdict.Fail(
            "the kernel has no IPVS (no /proc/net/ip_vs): Swarm's virtual addresses hang and its ingress ports refuse",
            "modprobe ip_vs; where there is no such module: `endpoint_mode: dnsrr` and ports with `mode: host`");

    public static Verdict Inotify(string folder = "/proc/sys/fs/inotify")
    {
        if (!Directory.Exists(folder))
        {
            return Verdict.Ok("asked on Linux alone");
        }

        var (watches, instances) = (Number("max_user_watches"), Number("max_user_instances"));
        var text = string.Create(CultureInfo.InvariantCulture, $"{watches:#,0} watches and {instances:#,0} instances for a user");
        return watches < FewWatches ? Verdict.Warn(text + ": a large tree cannot be watched, and is walked", "sysctl fs.inotify.max_user_watches=524288")
            : instances < FewInstances ? Verdict.Warn(text, "sysctl fs.inotify.max_user_instances=512")
            : Verdict.Ok(text);

        long Number(string name) => long.TryParse(File.ReadAllText(Path.Combine(folder, name)), CultureInfo.InvariantCulture, out var number) ? number : 0;
    }

    /// <summary>Each component's port is free, or leads to it already.</summary>
    public static async Task<Verdict> PortsAsync(Workspace workspace, AgentLauncher launcher, CancellationToken cancel)
    {
        Component[] components = [.. workspace.Components.Where(c => c.Run?.Port is not null)];
        if (components.Length == 0)
        {
            return Verdict.Ok("no component has one");
        }

        int? agent = null;
        if (await launcher.TryConnectAsync(cancel) is { } client)
        {
            await using (client)
            {
                agent = client.Agent.Pid;
            }
        }

        var (ours, taken) = (0, new List<string>());
        foreach (var component in components)
        {
            var port = component.Run!.Port!.Value;
            if (PortListener.HolderOf(port) is var (pid, program))
            {
                if (pid == agent)
                {
                    ours++;
                }
                else
                {
                    taken.Add($"{port} of {component.Name} is in use by {program} (pid {pid})");
                }
            }
            else if (PortListener.Sockets(port) is { Count: > 0 })
            {
                taken.Add($"{port} of {component.Name} is in use by another user's program");
            }
        }

        var rest = components.Length - ours - taken.Count;
        return taken.Count > 0
            ? Verdict.Fail(string.Join("; ", taken), "end that program, or give the component another `run.port`")
            : Verdict.Ok(string.Join(", ", ((string?[])[ours > 0 ? $"{ours} held by this workspace's agent" : null, rest > 0 ? $"{rest} free" : null]).OfType<string>()));
    }

    public static async Task<Verdict> AgentAsync(AgentLauncher launcher, string version, CancellationToken cancel)
    {
        if (await launcher.TryConnectAsync(cancel) is not { } client)
        {
            return launcher.HasInstances || launcher.HasLeads
                ? Verdict.Warn("does not run, and something was left for it to take over", "lap agent start")
                : Verdict.Ok("does not run; it is started when something is deployed");
        }

        await using (client)
        {
            return client.Agent.Version == version
                ? Verdict.Ok($"runs, pid {client.Agent.Pid}")
                : Verdict.Warn($"is of lap {client.Agent.Version} (pid {client.Agent.Pid}), this is {version}", "lap agent stop, then lap agent start: what runs runs on");
        }
    }

    public static async Task<Verdict> GitAsync(ProcessRunner runner, string folder, CancellationToken cancel)
    {
        if (await FirstLineAsync(runner, folder, ["git", "--version"], cancel) is not { } version)
        {
            return Verdict.Fail("git is not there: what git ignores counts as input, and commits have no time", "apt-get install git");
        }

        var inside = await FirstLineAsync(runner, folder, ["git", "rev-parse", "--show-toplevel"], cancel);
        return inside is null
            ? Verdict.Warn($"{version}; {folder} is no repository", "git init: then a deploy knows the revision, and what to ignore")
            : Verdict.Ok($"{version}, {inside}");
    }

    /// <param name="asked">The workspace has an environment on Kubernetes.</param>
    public static async Task<Verdict> KubectlAsync(ProcessRunner runner, string folder, bool asked, CancellationToken cancel)
    {
        if (await FirstLineAsync(runner, folder, ["kubectl", "version", "--client"], cancel) is not { } version)
        {
            return asked ? Verdict.Fail("kubectl is not there", "apt-get install kubernetes-client, or https://kubernetes.io/docs/tasks/tools") : Verdict.Ok("not there, and not needed");
        }

        var context = await FirstLineAsync(runner, folder, ["kubectl", "config", "current-context"], cancel);
        return context is null
            ? !asked ? Verdict.Ok($"{version}; no current context, and none is needed") : Verdict.Fail($"{version}; there is no current context", "kubectl config use-context NAME, or set KUBECONFIG")
            : Verdict.Ok($"{version}, context {context}");
    }

    private static async Task<string?> FirstLineAsync(ProcessRunner runner, string folder, string[] words, CancellationToken cancel)
    {
        var lines = new List<string>();
        try
        {
            var command = new Command { Program = words[0], Arguments = words[1..], Directory = folder, Deadline = TimeSpan.FromSeconds(8) };
            var result = await runner.RunAsync(command, line =>
            {
                if (!line.IsError)
                {
                    lines.Add(line.Text);
                }
            }, cancel);
            return result.Succeeded && lines is [var first, ..] ? first : null;
        }
        catch (Foundations.FaultException)
        {
            // It cannot be started.
            return null;
        }
    }

    private static string Size(long bytes) => bytes >= 1L << 30
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 30):0.#} GB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 20):0} MB");
}
