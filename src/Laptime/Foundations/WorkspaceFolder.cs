namespace Laptime.Foundations;

/// <summary>Where Laptime keeps its own things in a workspace: <c>.laptime/</c>, private to the user, ignored by git, safe to delete when nothing runs.</summary>
public sealed class WorkspaceFolder(string root)
{
    public string Root { get; } = root;

    public string Path { get; } = System.IO.Path.Combine(root, ".laptime");

    public string Index => Within("index");

    public string Reports => Within("reports");

    /// <summary>Artifacts that were built here, and those that were fetched: an OCI layout that is nobody else's.</summary>
    public string Artifacts => Within("artifacts");

    public string Logs => Within("logs");

    public string Run => Within("run");

    /// <summary>State of one environment: lock, what was verified, the no-op proof.</summary>
    public string Environment(string name) => System.IO.Path.Combine(Path, "env", name);

    /// <summary>The stat index as it was when the environment's proof was written: the next scan, of another environment perhaps, replaces <see cref="Index"/>.</summary>
    public string IndexOf(string environment) => System.IO.Path.Combine(Environment(environment), "index");

    /// <summary>Leaves the index as it is now to the environment's proof. An index is never written in place, so a second name for it is enough.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void KeepIndex(string environment)
    {
        var kept = IndexOf(environment);
        var temporary = $"{kept}.{System.Environment.ProcessId}.tmp";
        File.Delete(temporary);
        try
        {
            HardLink.Create(Index, temporary);
        }
        catch (IOException)
        {
            // Not every file system has links.
            File.Copy(Index, temporary);
        }

        // Two names of one file cannot be moved over each other: that would leave both.
        File.Delete(kept);
        File.Move(temporary, kept);
    }

    /// <summary>Creates the folder (and one below it) with access for the user only; one that was there before lap, open to others, is closed to them.</summary>
    /// <exception cref="LapException">It is a link, or another user's.</exception>
    public string Create(string? below = null)
    {
        var folder = below ?? Path;
        var own = new DirectoryInfo(Path);
        if (own.LinkTarget is not null)
        {
            // A repository can bring links along: what is written here must not land where one leads.
            throw new LapException($"{Path} is a link, and laptime writes only into a folder of its own", Path, "remove the link; a journal or a store elsewhere is named in laptime.yaml");
        }

        if (own.Exists)
        {
            Close(Path);
        }
        else
        {
            Make(Path);
        }

        if (!File.Exists(Within(".gitignore")))
        {
            File.WriteAllText(Within(".gitignore"), "*\n");
        }

        if (!Directory.Exists(folder))
        {
            Make(folder);
        }

        return folder;
    }

    private static void Close(string folder)
    {
        const UnixFileMode others = (UnixFileMode)0b000_111_111;
        if (OperatingSystem.IsWindows() || (File.GetUnixFileMode(folder) is var mode && (mode & others) == 0))
        {
            return;
        }

        try
        {
            File.SetUnixFileMode(folder, mode & ~others);
        }
        catch (UnauthorizedAccessException)
        {
            throw new LapException($"{folder} belongs to another user and is open to others", folder, "remove it, or let its owner run lap");
        }
    }

    private static void Make(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private string Within(string name) => System.IO.Path.Combine(Path, name);
}
