using System.Collections;
using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;

namespace Laptime.Processes;

/// <summary>posix_spawn with an empty standard input or a file, default signals and the program's own PATH; in a process group or a session of its own.</summary>
internal static unsafe partial class Spawn
{
    private const int NoEntry = 2;
    private const int ExecFormat = 8;
    private const int NoAccess = 13;
    private const short SetGroup = 0x02;
    private const short SetDefaults = 0x04;
    private const short SetMask = 0x08;
    private const short SetSession = 0x80;
    private const int WriteCreateAppend = 0x1 | 0x40 | 0x400;
    private const uint PrivateFile = 0b110_000_000;

    /// <summary>In a process group of its own, with these handles as its output.</summary>
    /// <returns>The process id, which is also its group's.</returns>
    /// <exception cref="Win32Exception">With the cause in words.</exception>
    public static int Start(Command command, int output, int error) =>
        Start(command, Environment(command), SetGroup, (output, error), log: null);

    /// <summary>In a session of its own (Linux), with exactly this environment, its output appended to a file that it opens itself.</summary>
    /// <returns>The process id, which is also its group's and its session's.</returns>
    /// <exception cref="Win32Exception">With the cause in words.</exception>
    public static int StartSession(Command command, IReadOnlyDictionary<string, string> environment, string log) =>
        Start(command, environment, SetSession, (0, 0), log);

    private static int Start(Command command, IReadOnlyDictionary<string, string> environment, short apart, (int Output, int Error) streams, string? log)
    {
        var program = Find(command, environment.GetValueOrDefault("PATH"));
        var arguments = Block([command.Program, .. command.Arguments]);
        var variables = Block([.. environment.Select(v => $"{v.Key}={v.Value}")]);
        // The C library's own structures: 80 and 336 bytes on glibc and musl, a pointer on macOS.
        var actions = stackalloc byte[1024];
        var attributes = stackalloc byte[1024];
        var signals = stackalloc byte[256];
        Check(InitActions(actions));
        Check(InitAttributes(attributes));
        try
        {
            Check(AddOpen(actions, 0, command.InputFile ?? "/dev/null", 0, 0));
            if (log is null)
            {
                Check(AddDuplicate(actions, streams.Output, 1));
                Check(AddDuplicate(actions, streams.Error, 2));
            }
            else
            {
                Check(AddOpen(actions, 1, log, WriteCreateAppend, PrivateFile));
                Check(AddDuplicate(actions, 1, 2));
            }

            Check(AddDirectory(actions, command.Directory));
            // .NET ignores SIGPIPE, a shell's background job ignores SIGINT: programs must not inherit either.
            // SIGHUP is left as it is: nohup is somebody's wish.
            _ = EmptySignals(signals);
            Check(SetSignalMask(attributes, signals));
            foreach (var signal in (ReadOnlySpan<int>)[Unix.SigInt, Unix.SigQuit, Unix.SigPipe, Unix.SigTerm, Unix.SigChild])
            {
                _ = AddSignal(signals, signal);
            }

            Check(SetSignalDefaults(attributes, signals));
            Check(SetProcessGroup(attributes, 0));
            Check(SetFlags(attributes, (short)(apart | SetDefaults | SetMask)));
            int pid;
            var result = PosixSpawn(&pid, program, actions, attributes, arguments, variables);
            return result == 0 ? pid : throw new Win32Exception(result, Cause(result, program));
        }
        finally
        {
            _ = DestroyActions(actions);
            _ = DestroyAttributes(attributes);
            FreeBlock(arguments);
            FreeBlock(variables);
        }
    }

    private static Dictionary<string, string> Environment(Command command)
    {
        var all = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (DictionaryEntry entry in System.Environment.GetEnvironmentVariables())
        {
            all[(string)entry.Key] = (string?)entry.Value ?? "";
        }

        foreach (var (name, value) in command.Environment)
        {
            if (value is null)
            {
                all.Remove(name);
            }
            else
            {
                all[name] = value;
            }
        }

        return all;
    }

    /// <summary>As a shell finds it: a name with a slash from the command's directory, any other on the command's own PATH.</summary>
    private static string Find(Command command, string? path)
    {
        if (command.Program.Contains('/'))
        {
            var named = Path.Combine(command.Directory, command.Program);
            return File.Exists(named) ? named
                : throw new Win32Exception(NoEntry, Directory.Exists(named) ? "it is a folder" : "there is no such file");
        }

        string? notExecutable = null;
        foreach (var folder in (path ?? "/usr/local/bin:/usr/bin:/bin").Split(':'))
        {
            var candidate = Path.Combine(command.Directory, folder, command.Program);
            if (command.Program.Length > 0 && File.Exists(candidate))
            {
                if (Unix.CanExecute(candidate))
                {
                    return candidate;
                }

                notExecutable ??= candidate;
            }
        }

        throw notExecutable is null
            ? new Win32Exception(NoEntry, "it is not on PATH")
            : new Win32Exception(NoAccess, $"{notExecutable} is not executable");
    }

    private static string Cause(int error, string program) => error switch
    {
        NoEntry => $"{program} exists, but the interpreter or loader it names does not",
        NoAccess => $"{program} is not executable, or on a file system that forbids it",
        ExecFormat => $"{program} is neither a program of this machine nor a script with a #! line",
        _ => new Win32Exception(error).Message,
    };

    private static void Check(int error)
    {
        if (error != 0)
        {
            throw new Win32Exception(error);
        }
    }

    private static byte** Block(List<string> texts)
    {
        var block = (byte**)NativeMemory.AllocZeroed((nuint)texts.Count + 1, (nuint)sizeof(byte*));
        for (var i = 0; i < texts.Count; i++)
        {
            var bytes = Encoding.UTF8.GetBytes(texts[i]);
            block[i] = (byte*)NativeMemory.AllocZeroed((nuint)bytes.Length + 1);
            bytes.CopyTo(new Span<byte>(block[i], bytes.Length));
        }

        return block;
    }

    private static void FreeBlock(byte** block)
    {
        for (var i = 0; block[i] is not null; i++)
        {
            NativeMemory.Free(block[i]);
        }

        NativeMemory.Free(block);
    }

    [LibraryImport("libc", EntryPoint = "posix_spawn", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int PosixSpawn(int* pid, string program, byte* actions, byte* attributes, byte** arguments, byte** environment);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    private static partial int InitActions(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    private static partial int DestroyActions(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int AddOpen(byte* actions, int handle, string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    private static partial int AddDuplicate(byte* actions, int from, int to);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addchdir_np", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int AddDirectory(byte* actions, string path);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_init")]
    private static partial int InitAttributes(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_destroy")]
    private static partial int DestroyAttributes(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setflags")]
    private static partial int SetFlags(byte* attributes, short flags);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setpgroup")]
    private static partial int SetProcessGroup(byte* attributes, int group);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigdefault")]
    private static partial int SetSignalDefaults(byte* attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigmask")]
    private static partial int SetSignalMask(byte* attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "sigemptyset")]
    private static partial int EmptySignals(byte* signals);

    [LibraryImport("libc", EntryPoint = "sigaddset")]
    private static partial int AddSignal(byte* signals, int signal);
}
