using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace Laptime.Processes;

/// <summary>What to start so that it outlives whoever starts it.</summary>
public sealed record DetachedCommand
{
    /// <summary>A path (absolute, or relative to <see cref="Directory"/>), or a name that is looked up in the PATH of <see cref="Environment"/>.</summary>
    public required string Program { get; init; }

    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Absolute.</summary>
    public required string Directory { get; init; }

    /// <summary>The whole environment: nothing is inherited.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>Both streams are appended here.</summary>
    public required string LogFile { get; init; }
}

/// <summary>
/// Starts a program in a session of its own (its pid is its process group and its session), with default signals, nothing on standard input and its
/// output in a file. Elsewhere than on Linux it is a plain child whose output a shell appends to the file.
/// </summary>
public static unsafe class DetachedProcess
{
    private const short SetSigDef = 0x04;
    private const short SetSigMask = 0x08;
    private const short SetSid = 0x80;
    private const int OpenWriteCreateAppend = 0x1 | 0x40 | 0x400;

    /// <returns>The pid.</returns>
    /// <exception cref="Win32Exception">It could not be started (no such program, not executable, no such directory).</exception>
    public static int Start(DetachedCommand command)
    {
        var program = Resolve(command);
        return OperatingSystem.IsLinux() ? StartSession(command, program) : StartChild(command, program);
    }

    private static int StartSession(DetachedCommand command, string program)
    {
        // Larger than the C library's own types on every platform (336, 80 and 128 bytes in glibc).
        var attributes = stackalloc byte[512];
        var actions = stackalloc byte[256];
        var signals = stackalloc byte[256];
        using var memory = new CStrings();
        Check(Libc.AttributesInit(attributes), program);
        Check(Libc.ActionsInit(actions), program);
        try
        {
            Check(Libc.AttributesSetFlags(attributes, SetSigDef | SetSigMask | SetSid), program);
            _ = Libc.SigFillSet(signals);
            Check(Libc.AttributesSetSigDefault(attributes, signals), program);
            _ = Libc.SigEmptySet(signals);
            Check(Libc.AttributesSetSigMask(attributes, signals), program);
            Check(Libc.ActionsAddOpen(actions, 0, memory.Add("/dev/null"), 0, 0), program);
            Check(Libc.ActionsAddOpen(actions, 1, memory.Add(command.LogFile), OpenWriteCreateAppend, 0b110_000_000), program);
            Check(Libc.ActionsAddDup2(actions, 1, 2), program);
            Check(Libc.ActionsAddChdir(actions, memory.Add(command.Directory)), program);
            int pid;
            var error = Libc.Spawn(
                &pid, memory.Add(program), actions, attributes,
                memory.AddAll([command.Program, .. command.Arguments]),
                memory.AddAll([.. command.Environment.Select(v => $"{v.Key}={v.Value}")]));
            Check(error, program);
            return pid;
        }
        finally
        {
            _ = Libc.ActionsDestroy(actions);
            _ = Libc.AttributesDestroy(attributes);
        }
    }

    private static int StartChild(DetachedCommand command, string program)
    {
        // The log is opened by a shell, so that the program writes to the file itself and lives on when we end.
        var windows = OperatingSystem.IsWindows();
        var start = new ProcessStartInfo(windows ? "cmd" : "/bin/sh")
        {
            WorkingDirectory = command.Directory, UseShellExecute = false, CreateNoWindow = true, RedirectStandardInput = true,
        };
        start.Environment.Clear();
        foreach (var (name, value) in command.Environment)
        {
            start.Environment[name] = value;
        }

        if (windows)
        {
            start.Arguments = $"/d /s /c \"\"{program}\" {string.Join(' ', command.Arguments.Select(QuoteForWindows))} >> \"{command.LogFile}\" 2>&1\"";
        }
        else
        {
            foreach (var argument in (string[])["-c", "log=$1; shift; exec \"$@\" >>\"$log\" 2>&1 </dev/null", "sh", command.LogFile, program, .. command.Arguments])
            {
                start.ArgumentList.Add(argument);
            }
        }

        using var process = Process.Start(start) ?? throw new Win32Exception($"{program} did not start");
        process.StandardInput.Close();
        return process.Id;
    }

    private static string QuoteForWindows(string argument) =>
        argument.Length > 0 && argument.IndexOfAny([' ', '\t', '"', '&', '|', '<', '>', '^']) < 0 ? argument : $"\"{argument.Replace("\"", "\\\"")}\"";

    private static string Resolve(DetachedCommand command)
    {
        var program = command.Program;
        if (program.Contains('/') || (OperatingSystem.IsWindows() && program.Contains('\\')))
        {
            return Path.GetFullPath(program, command.Directory);
        }

        var path = command.Environment.FirstOrDefault(v => string.Equals(v.Key, "PATH", OperatingSystem.IsWindows() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal)).Value;
        string[] endings = OperatingSystem.IsWindows() ? ["", ".exe", ".cmd", ".bat"] : [""];
        foreach (var folder in (path ?? "/usr/local/bin:/usr/bin:/bin").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
        {
            foreach (var ending in endings)
            {
                var candidate = Path.GetFullPath(Path.Combine(folder, program + ending), command.Directory);
                if (IsExecutable(candidate))
                {
                    return candidate;
                }
            }
        }

        throw new Win32Exception(2, $"{program}: no such program in PATH");
    }

    private static bool IsExecutable(string path) => File.Exists(path)
        && (OperatingSystem.IsWindows() || (File.GetUnixFileMode(path) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != 0);

    private static void Check(int error, string program)
    {
        if (error != 0)
        {
            throw new Win32Exception(error, $"{program}: {new Win32Exception(error).Message}");
        }
    }

    /// <summary>Zero-terminated UTF-8 texts that live until the end of the call.</summary>
    private sealed class CStrings : IDisposable
    {
        private readonly List<nint> blocks = [];

        public byte* Add(string text)
        {
            var size = Encoding.UTF8.GetByteCount(text);
            var block = (byte*)Allocate(size + 1);
            Encoding.UTF8.GetBytes(text, new Span<byte>(block, size));
            block[size] = 0;
            return block;
        }

        public byte** AddAll(IReadOnlyList<string> texts)
        {
            var table = (byte**)Allocate((texts.Count + 1) * sizeof(byte*));
            for (var i = 0; i < texts.Count; i++)
            {
                table[i] = Add(texts[i]);
            }

            table[texts.Count] = null;
            return table;
        }

        public void Dispose()
        {
            foreach (var block in blocks)
            {
                System.Runtime.InteropServices.NativeMemory.Free((void*)block);
            }
        }

        private void* Allocate(int size)
        {
            var block = System.Runtime.InteropServices.NativeMemory.Alloc((nuint)size);
            blocks.Add((nint)block);
            return block;
        }
    }
}
