using System.Collections;
using System.ComponentModel;
using System.Security.Cryptography;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Targets.Local;

namespace Laptime.Targets.Registry;

/// <summary>The registry as a program: Debian's <c>docker-registry</c>, or the same one from elsewhere. It lives in a session of its own.</summary>
internal sealed class RegistryProgram(LocalRegistry registry, string program, TimeProvider clock) : RegistryHost
{
    /// <summary>Names another program that takes <c>serve CONFIG</c>.</summary>
    public const string Variable = "LAP_REGISTRY_PATH";

    private const string Name = "docker-registry";
    private const int LargeLog = 4 << 20;
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private static readonly TimeSpan PoliteBound = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan EndBound = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);

    /// <summary>Null: it is not installed.</summary>
    public static RegistryProgram? Find(LocalRegistry registry, TimeProvider clock)
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given)
        {
            return new RegistryProgram(registry, given, clock);
        }

        // /usr/sbin and the like are not on everybody's PATH.
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Concat(["/usr/bin", "/usr/local/bin"]);
        return folders.Select(f => Path.Combine(f, Name)).FirstOrDefault(File.Exists) is { } found ? new RegistryProgram(registry, found, clock) : null;
    }

    public override Task<RegistryRecord> StartAsync(CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        try
        {
            Directory.CreateDirectory(registry.Data);
            var configuration = Path.Combine(registry.Home, "config.yml");
            AtomicFile.Write(configuration, Configuration(), mode: Private);
            if (new FileInfo(registry.Log) is { Exists: true, Length: > LargeLog })
            {
                File.Move(registry.Log, registry.Log + ".1", overwrite: true);
            }

            var pid = DetachedProcess.Start(new Command { Program = program, Arguments = ["serve", configuration], Directory = registry.Home }, Variables(), registry.Log);
            // One that has ended already is told by its log; its record names nobody.
            return Task.FromResult(registry.Record(ProcessOwner.Of(pid) ?? ProcessOwner.Current() with { Pid = pid, StartTicks = -1 }, null));
        }
        catch (Exception e) when (e is Win32Exception or IOException or UnauthorizedAccessException)
        {
            throw new FaultException(new Fault(Outcome.BuildFailed, $"the local registry cannot be started: {e.Message}", e is Win32Exception ? program : registry.Home,
                e is Win32Exception ? "install Debian's package docker-registry" : "make the folder writable, and free some disk space"), e);
        }
    }

    public override Task<bool> IsAliveAsync(RegistryRecord record, CancellationToken cancel) => Task.FromResult(record.Owner!.IsAlive() == true);

    public override bool Holds(RegistryRecord record, int port) => PortListener.IsHeldBy(port, Session(record)) ?? record.Owner!.IsAlive() == true;

    public override async Task EndAsync(RegistryRecord record, CancellationToken cancel)
    {
        // The number alone proves nothing: it may be somebody else's by now.
        if (record.Owner!.IsAlive() != true)
        {
            return;
        }

        var session = Session(record);
        var began = clock.GetTimestamp();
        var killed = false;
        session.Terminate();
        while (session.LeaderIsAlive)
        {
            var elapsed = clock.GetElapsedTime(began);
            if (elapsed > EndBound)
            {
                throw new FaultException(new Fault(Outcome.BuildFailed, $"the local registry (pid {session.Pid}) does not end", registry.Home, $"end it by hand: kill -9 {session.Pid}"));
            }

            if (elapsed > PoliteBound && !killed)
            {
                // A stopped process takes no polite signal.
                killed = true;
                session.Kill();
            }

            await Task.Delay(Pause, clock, cancel);
        }
    }

    public override Task<IReadOnlyList<string>> TailAsync(CancellationToken cancel) => Task.FromResult(LogFile.Tail(registry.Log, 12));

    private static Session Session(RegistryRecord record) => new(record.Owner!.Pid, record.Owner.StartTicks);

    /// <summary>Without the variables that would change the configuration we write.</summary>
    private static Dictionary<string, string> Variables()
    {
        var variables = new Dictionary<string, string>();
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            if (variable.Key is string name && !name.StartsWith("REGISTRY_", StringComparison.OrdinalIgnoreCase))
            {
                variables[name] = (string?)variable.Value ?? "";
            }
        }

        return variables;
    }

    private string Configuration() => $$"""
        # Written by lap each time it starts the registry.
        version: 0.1
        log:
          level: warn
          accesslog: { disabled: true }
        storage:
          filesystem: { rootdirectory: {{Quoted(registry.Data)}} }
          delete: { enabled: true }
        http:
          addr: {{Quoted(Listen())}}
          secret: {{Secret()}}

        """;

    private string Listen() => registry.Endpoint.LoopbackAddress is { AddressFamily: System.Net.Sockets.AddressFamily.InterNetworkV6 } six
        ? $"[{six}]:{registry.Endpoint.Port}"
        : $"{registry.Endpoint.LoopbackAddress}:{registry.Endpoint.Port}";

    /// <summary>Signs the state of uploads under way: kept, so that they go on after the registry was started again.</summary>
    private string Secret()
    {
        var path = Path.Combine(registry.Home, "secret");
        if (!File.Exists(path))
        {
            AtomicFile.Write(path, Convert.ToHexString(RandomNumberGenerator.GetBytes(32)), mode: Private);
        }

        return File.ReadAllText(path).Trim();
    }

    private static string Quoted(string text) => $"'{text.Replace("'", "''")}'";
}
