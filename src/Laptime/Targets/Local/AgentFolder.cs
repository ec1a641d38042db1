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

    /// <summary>What fronts lead to that the agent does not run itself.</summary>
    public string Leads => Path.Combine(Run, "leads.json");

    /// <summary>What was started and stopped here, by which transaction: a record beside the journal's, written by the agent alone (<see cref="AgentEvent"/>).</summary>
    public string Events => Path.Combine(Run, "events.jsonl");

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

    /// <summary>The agent that last ran here; it may have ended. Null when there was none, it cannot be read, or it came here with a copy of another workspace.</summary>
    public AgentIdentity? ReadIdentity()
    {
        try
        {
            var identity = JsonSerializer.Deserialize(File.ReadAllBytes(Identity), AgentJson.Default.AgentIdentity);
            return IsOurs(identity?.Folder) ? identity : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    /// <summary>
    /// Tells this folder from a copy of it, which has the same files in it and must not take over what the original runs. Empty where that cannot be told.
    /// </summary>
    public unsafe string Mark()
    {
        if (!OperatingSystem.IsLinux())
        {
            return "";
        }

        const int inode = 32, deviceMajor = 136, deviceMinor = 140;
        var status = stackalloc byte[256];
        return Status(Run, status) ? $"{*(uint*)(status + deviceMajor):x}.{*(uint*)(status + deviceMinor):x}.{*(ulong*)(status + inode):x}" : "";
    }

    /// <summary>Written by this folder's agent, not copied here with the folder.</summary>
    internal bool IsOurs(string? mark) => string.IsNullOrEmpty(mark) || Mark() is "" || mark == Mark();

    private static unsafe bool Status(string path, byte* status)
    {
        const int currentFolder = -100, noFollow = 0x100, typeModeOwnerAndInode = 0x1 | 0x2 | 0x8 | 0x100;
        fixed (byte* name = Encoding.UTF8.GetBytes(path + "\0"))
        {
            return Libc.Statx(currentFolder, name, noFollow, typeModeOwnerAndInode, status) == 0;
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
            ours = Status(folder, status) && *(uint*)(status + 20) == Libc.EffectiveUser();
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
