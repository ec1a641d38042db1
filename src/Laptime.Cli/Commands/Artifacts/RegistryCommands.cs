using System.Text.Json;
using Laptime.Cli.Rendering;
using Laptime.Foundations;
using Laptime.Targets.Registry;

namespace Laptime.Cli.Commands.Artifacts;

/// <summary>`lap artifacts registry`: the registry that lap runs for the workspace.</summary>
internal static class RegistryCommands
{
    public static System.CommandLine.Command Group() => Verb.Group(
        "registry", "The registry on this machine that lap runs for the workspace (artifacts.local-registry).",
        Verb.Make("status", "Whether it serves, since when, and how much it holds.", [], async session => await ShowAsync(session, Required(session), null),
            "lap artifacts registry status", "lap artifacts registry status -o json"),
        Verb.Make("start", "Start it, or recover it (commands that need it do so by themselves).", [], async session =>
        {
            if (!session.Workspace.Artifacts.LocalRegistry)
            {
                throw NotConfigured(session);
            }

            var readiness = RegistryReadiness.Of(session.Workspace, session.Folder, session.Runner, session.Clock)!;
            return await ShowAsync(session, Required(session), await readiness.EnsureAsync(session.Shutdown.Token));
        }, "lap artifacts registry start"),
        Verb.Make("stop", "End it. Its data stays.", [], async session =>
        {
            var registry = Required(session);
            var ended = await registry.StopAsync(session.Shutdown.Token);
            if (session.Json)
            {
                return await ShowAsync(session, registry, null);
            }

            Console.Out.WriteLine(ended is null ? "the local registry does not run" : $"the local registry has ended ({Who(ended)}); its data stays in {registry.Data}");
            return 0;
        }, "lap artifacts registry stop"));

    /// <summary>Ends the workspace's registry together with everything else that lap left running.</summary>
    public static async Task StopWithAllAsync(Session session)
    {
        if (LocalRegistry.Of(session.Workspace, session.Folder, session.Runner, session.Clock) is { } registry && await registry.StopAsync(session.Shutdown.Token) is { } ended)
        {
            Console.Out.WriteLine($"the local registry has ended ({Who(ended)}); its data stays");
        }
    }

    private static LocalRegistry Required(Session session) => LocalRegistry.Of(session.Workspace, session.Folder, session.Runner, session.Clock) ?? throw NotConfigured(session);

    private static LapException NotConfigured(Session session) => new(
        "this workspace has no local registry", session.Workspace.File, "artifacts: { store: oci://127.0.0.1:5000/" + session.Workspace.Name.ToLowerInvariant() + ", local-registry: true }");

    private static string Who(RegistryRecord record) => record.Owner is { } owner ? $"pid {owner.Pid}" : $"container {record.Container![..12]}";

    private static async Task<int> ShowAsync(Session session, LocalRegistry registry, RegistryState? done)
    {
        var running = await registry.RunningAsync(session.Shutdown.Token);
        var answer = await new RegistryReadiness(registry.Endpoint, plain: true, null, session.Clock).AskAsync(session.Shutdown.Token);
        var bytes = Directory.Exists(registry.Data) ? new DirectoryInfo(registry.Data).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length) : 0;
        var document = new RegistryDocument(
            "laptime/registry/v1", registry.Endpoint.Authority, answer.Standing.ToString().ToLowerInvariant(), answer.Words, running is not null, running?.Owner?.Pid, running?.Container, running?.Since,
            registry.Data, bytes, registry.Log, RegistryWait.Of(done));
        Console.Out.Write(session.Json ? JsonSerializer.Serialize(document, ArtifactJson.Readable.RegistryDocument) + "\n" : RegistryView.Render(document, session.Terminal));
        return 0;
    }
}
