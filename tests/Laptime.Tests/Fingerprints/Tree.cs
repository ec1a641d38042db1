using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Tests.Fingerprints;

/// <summary>A real folder with files, removed at the end.</summary>
public sealed class Tree : IDisposable
{
    public static readonly SourceLocation At = new("laptime.yaml", 1, 1);

    public Tree() => Root = Directory.CreateTempSubdirectory("laptime-fp-").FullName;

    public string Root { get; }

    /// <summary>Folder of the workspace below <see cref="Root"/>.</summary>
    public string Sub { get; init; } = "";

    public string WorkspaceRoot => Sub.Length == 0 ? Root : Path.Combine(Root, Sub);

    public string IndexPath => Path.Combine(WorkspaceRoot, ".laptime", "index");

    public string Full(string path) => Path.Combine(Root, path);

    public Tree Write(string path, string content) => Write(path, Encoding.UTF8.GetBytes(content));

    public Tree Write(string path, byte[] content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Full(path))!);
        File.WriteAllBytes(Full(path), content);
        return this;
    }

    public Tree Link(string path, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Full(path))!);
        File.CreateSymbolicLink(Full(path), target);
        return this;
    }

    public Workspace Workspace(params Component[] components) => new()
    {
        Root = WorkspaceRoot,
        File = Path.Combine(WorkspaceRoot, "laptime.yaml"),
        Sources = File.Exists(Path.Combine(WorkspaceRoot, "laptime.yaml")) ? [Path.Combine(WorkspaceRoot, "laptime.yaml")] : [],
        Name = "test",
        Components = components.Length > 0 ? components : [Component("app", "")],
        Profiles = [],
        Environments = [new DeployEnvironment { Name = "local" }],
    };

    public static Component Component(string name, string path, params string[] inputs) => new()
    {
        Name = name,
        Path = path,
        Inputs = inputs.Length > 0 ? inputs : ["**"],
        At = At,
    };

    /// <summary>Both readers must say the same; their common answer.</summary>
    public WorkspaceScan Scan(Workspace? workspace = null, bool save = false, bool full = false)
    {
        workspace ??= Workspace();
        var portable = Fingerprinter.Scan(workspace, Options(portable: true, save: false, full), CancellationToken.None);
        var native = Fingerprinter.Scan(workspace, Options(portable: false, save, full), CancellationToken.None);
        Assert.Equal(portable.Tree, native.Tree);
        foreach (var component in workspace.Components)
        {
            Assert.Equal(portable.Files(component.Name), native.Files(component.Name));
        }

        return native;
    }

    public WorkspaceScan Scan(bool portable, bool save = false, bool full = false, Workspace? workspace = null) =>
        Fingerprinter.Scan(workspace ?? Workspace(), Options(portable, save, full), CancellationToken.None);

    public ScanOptions Options(bool portable, bool save, bool full) =>
        new() { Portable = portable, SaveIndex = save, Full = full, Git = GitHome };

    internal GitHome? GitHome { get; init; }

    public string[] Paths(WorkspaceScan? scan = null) => [.. (scan ?? Scan()).Files("app").Select(f => f.Path)];

    public byte[] Git(params string[] arguments) => GitIn("", arguments);

    public byte[] GitIn(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo("git") { WorkingDirectory = Full(folder), RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always", .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["GIT_CONFIG_NOSYSTEM"] = "1";
        if (GitHome?.Home is { } home)
        {
            start.Environment["HOME"] = home;
            start.Environment.Remove("XDG_CONFIG_HOME");
        }

        using var process = Process.Start(start)!;
        using var output = new MemoryStream();
        var errors = process.StandardError.ReadToEndAsync();
        process.StandardOutput.BaseStream.CopyTo(output);
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"git {string.Join(' ', arguments)}: {errors.GetAwaiter().GetResult()}");
        return output.ToArray();
    }

    public void Dispose()
    {
        try
        {
            Directory.Delete(Root, recursive: true);
        }
        catch (IOException)
        {
            // Names that .NET cannot spell.
            using var process = Process.Start("rm", ["-rf", Root]);
            process.WaitForExit();
        }
    }
}

/// <summary>Calls that .NET has no words for.</summary>
internal static unsafe class Libc
{
    public static void MakePipe(string path) => Check(MkFifo(Bytes(path), 0x1A4));

    public static void WriteRaw(string folder, byte[] name, string content)
    {
        byte[] path = [.. Encoding.UTF8.GetBytes(folder + "/"), .. name, 0];
        fixed (byte* p = path)
        {
            var file = Open(p, 0x1 | 0x40 | 0x200, 0x1A4);
            Check(file);
            var bytes = Encoding.UTF8.GetBytes(content);
            fixed (byte* b = bytes)
            {
                Check((int)Write(file, b, (nuint)bytes.Length));
            }

            Check(Close(file));
        }
    }

    public static int HardLink(string from, string to) => LinkNative(Bytes(from), Bytes(to));

    /// <summary>File access of this thread as another user; the threads it starts inherit it.</summary>
    public static int SetFileUser(uint user) => SetFsUid(user);

    private static byte* Bytes(string text) => (byte*)Marshal.StringToCoTaskMemUTF8(text);

    private static void Check(int result) => Assert.True(result >= 0, $"errno {Marshal.GetLastSystemError()}");

    [DllImport("libc", EntryPoint = "mkfifo")]
    private static extern int MkFifo(byte* path, uint mode);

    [DllImport("libc", EntryPoint = "open")]
    private static extern int Open(byte* path, int flags, int mode);

    [DllImport("libc", EntryPoint = "write")]
    private static extern nint Write(int file, byte* bytes, nuint size);

    [DllImport("libc", EntryPoint = "close")]
    private static extern int Close(int file);

    [DllImport("libc", EntryPoint = "link")]
    private static extern int LinkNative(byte* from, byte* to);

    [DllImport("libc", EntryPoint = "setfsuid")]
    private static extern int SetFsUid(uint user);
}
