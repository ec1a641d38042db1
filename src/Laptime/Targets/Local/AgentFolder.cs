using System.Text;
using System.Text.Json;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Targets.Local;

/// <summary>Where the agent of one workspace keeps things. Private to the user.</summary>
public sealed class AgentFolder
{
    /// <summary>Socket addresses end at 108 bytes on Linux and 104 on macOS.</summary>
    private const int LongestSocketPath = 100;

    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <param name="root">Absolute path of the workspace.</param>
    public AgentFolder(string root)
    {
        Root = root;
        Run = Path.Combine(root, ".laptime", "run");
    }

    public string Root { get; }

    public string Run { get; }

    public string Identity => Path.Combine(Run, "agent.json");

    public string Lock => Path.Combine(Run, "agent.lock");

    public string Log => Path.Combine(Run, "agent.log");

    /// <summary>What runs, so that the next agent can take it over.</summary>
    public string Instances => Path.Combine(Run, "instances.json");

    public string LogsOf(string environment, string component) => Path.Combine(Root, ".laptime", "logs", environment, component);

    public string ReleasesOf(string environment, string component) => Path.Combine(Root, ".laptime", "releases", environment, component);

    /// <summary>Makes the folder, and the socket's where that is another one, for this user alone.</summary>
    /// <returns>Path for the socket.</returns>
    /// <exception cref="LapException">A folder at that place is not ours.</exception>
    public string Prepare()
    {
        new WorkspaceFolder(Root).Create();
        MakePrivate(Run);
        var near = Path.Combine(Run, "agent.sock");
        if (Encoding.UTF8.GetByteCount(near) <= LongestSocketPath)
        {
            return near;
        }

        var runtime = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");
        var above = !string.IsNullOrEmpty(runtime) && Directory.Exists(runtime)
            ? Path.Combine(runtime, "laptime")
            : Path.Combine(Path.GetTempPath(), OperatingSystem.IsWindows() ? "laptime" : $"laptime-{Libc.EffectiveUser()}");
        MakePrivate(above);
        var folder = Path.Combine(above, Digest.Of(Root).Short);
        MakePrivate(folder);
        return Path.Combine(folder, "agent.sock");
    }

    /// <summary>The agent that last ran here; it may have ended. Null when there was none or it cannot be read.</summary>
    public AgentIdentity? ReadIdentity()
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(Identity), AgentJson.Default.AgentIdentity);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    private static unsafe void MakePrivate(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
            return;
        }

        Directory.CreateDirectory(folder, Private);
        var ours = new DirectoryInfo(folder).LinkTarget is null;
        if (ours && OperatingSystem.IsLinux())
        {
            var status = stackalloc byte[256];
            fixed (byte* path = Encoding.UTF8.GetBytes(folder + "\0"))
            {
                const int currentFolder = -100, noFollow = 0x100, typeModeAndOwner = 0x1 | 0x2 | 0x8;
                ours = Libc.Statx(currentFolder, path, noFollow, typeModeAndOwner, status) == 0 && *(uint*)(status + 20) == Libc.EffectiveUser();
            }
        }

        if (!ours)
        {
            throw new LapException($"the folder {folder} belongs to another user or is a link", folder, "remove it; the agent's socket must be private to you");
        }

        if (File.GetUnixFileMode(folder) != Private)
        {
            File.SetUnixFileMode(folder, Private);
        }
    }
}
