using System.Net.Sockets;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Targets.Local;

namespace Laptime.Agent;

/// <summary>lap-agent --root FOLDER: the resident of one workspace. Started by lap on demand; says on its output, which is its log, only why it ends.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        if (args is not ["--root", var root] || !Path.IsPathFullyQualified(root))
        {
            Console.Error.WriteLine("lap-agent is started by lap: lap-agent --root FOLDER (absolute)");
            return Outcome.UsageError.ExitCode;
        }

        try
        {
            return await RunAsync(new AgentFolder(root));
        }
        catch (Exception e) when (e is LapException or IOException or UnauthorizedAccessException or SocketException or JsonException)
        {
            Console.Error.WriteLine($"lap-agent: {e.Message}");
            return Outcome.RolloutFailed.ExitCode;
        }
    }

    private static async Task<int> RunAsync(AgentFolder folder)
    {
        var socketPath = folder.Prepare();
        var version = Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";
        if (await LockAsync(folder, version) is not { } only)
        {
            Console.Error.WriteLine("lap-agent: another one runs for this workspace");
            return 0;
        }

        await using (only)
        {
            var clock = TimeProvider.System;
            using var supervisor = new Supervisor(folder, clock);
            await using var fronts = new Fronts();
            using var watch = new Watch();
            var rollouts = new Rollouts(supervisor, fronts, new Fences(folder));
            var leads = new Leads(fronts, folder, clock, supervisor.Background);
            using var engines = new Engines(leads, clock);
            using var server = new AgentServer(new AgentParts(supervisor, rollouts, leads, engines, new Observer(supervisor, fronts), watch, version, clock));
            using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
            using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
            using var hungUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, static signal => signal.Cancel = true);

            supervisor.Adopt();
            await rollouts.ResumeAsync(CancellationToken.None);
            await leads.ResumeAsync(CancellationToken.None);

            File.Delete(socketPath);
            using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            listener.Bind(new UnixDomainSocketEndPoint(socketPath));
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(socketPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            listener.Listen(64);
            var me = ProcessOwner.Current();
            AtomicFile.Write(
                folder.Identity,
                JsonSerializer.SerializeToUtf8Bytes(new AgentIdentity(socketPath, me.Pid, me.StartTicks, me.BootId, AgentProtocol.Version, version, folder.Mark()), AgentJson.Default.AgentIdentity),
                durable: false, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            try
            {
                await server.RunAsync(listener);
            }
            finally
            {
                File.Delete(folder.Identity);
                File.Delete(socketPath);
            }

            return 0;

            void End(PosixSignalContext signal)
            {
                signal.Cancel = true;
                server.End();
            }
        }
    }

    /// <summary>
    /// One agent per workspace. One that is just ending gets two seconds for it; where one answers there is nothing to wait for, or this one would
    /// begin when somebody ends that one on purpose.
    /// </summary>
    private static async Task<FileStream?> LockAsync(AgentFolder folder, string version)
    {
        for (var attempt = 0; attempt < 100; attempt++)
        {
            try
            {
                return new FileStream(folder.Lock, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                if (await AnswersAsync(folder, version))
                {
                    return null;
                }

                await Task.Delay(20);
            }
        }

        return null;
    }

    private static async Task<bool> AnswersAsync(AgentFolder folder, string version)
    {
        using var bound = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        try
        {
            if (await AgentClient.TryConnectAsync(folder, version, bound.Token) is not { } other)
            {
                return false;
            }

            await other.DisposeAsync();
            return true;
        }
        catch (Exception e) when (e is OperationCanceledException or FaultException)
        {
            return false;
        }
    }
}
