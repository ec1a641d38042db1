using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Laptime.Processes;

namespace Laptime.Bench;

/// <summary>What one whole process cost. Milliseconds; processor time is user and system together, of it and of the children it waited for.</summary>
internal readonly record struct Cost(double Wall, double Cpu);

/// <summary>Runs whole processes and measures them with wait4.</summary>
internal static unsafe class Child
{
    /// <summary>Runs it to its end with its output in <paramref name="output"/>.</summary>
    /// <exception cref="InvalidOperationException">It failed: a figure of a failed run is none.</exception>
    public static Cost Run(Command command, string output = "/dev/null")
    {
        var (cost, code) = Try(command, output);
        return code == 0 ? cost : throw new InvalidOperationException(
            $"{command.Program} {string.Join(' ', command.Arguments)} in {command.Directory} ended with {code}\n{(output == "/dev/null" ? "" : File.ReadAllText(output) + File.ReadAllText(output + ".err"))}");
    }

    public static (Cost Cost, int Code) Try(Command command, string output = "/dev/null")
    {
        using var file = File.OpenHandle(output, output == "/dev/null" ? FileMode.Open : FileMode.Create, FileAccess.Write, FileShare.ReadWrite);
        using var error = File.OpenHandle(output == "/dev/null" ? output : output + ".err", output == "/dev/null" ? FileMode.Open : FileMode.Create, FileAccess.Write, FileShare.ReadWrite);
        var usage = stackalloc long[32];
        int status;
        var started = Stopwatch.GetTimestamp();
        var pid = Spawn.Start(command, (int)file.DangerousGetHandle(), (int)error.DangerousGetHandle());
        while (Wait(pid, &status, 0, usage) < 0)
        {
            if (Marshal.GetLastSystemError() != 4)
            {
                throw new InvalidOperationException("wait4");
            }
        }

        var wall = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        // struct rusage begins with two timevals: user, system.
        var cpu = ((usage[0] + usage[2]) * 1e3) + ((usage[1] + usage[3]) / 1e3);
        return (new Cost(wall, cpu), (status & 0x7f) == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f));
    }

    /// <summary>What it prints on standard output.</summary>
    public static string Read(Command command)
    {
        var file = Path.GetTempFileName();
        try
        {
            _ = Run(command, file);
            return File.ReadAllText(file, Encoding.UTF8);
        }
        finally
        {
            File.Delete(file);
            File.Delete(file + ".err");
        }
    }

    /// <summary>
    /// Peak memory in megabytes. A process inherits the peak of the one that spawned it, so a small one stands between; less than its ten is not seen.
    /// </summary>
    public static double PeakMemory(Command command)
    {
        const string Script = """
            import os, sys
            pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
            _, status, usage = os.wait4(pid, 0)
            print(usage.ru_maxrss)
            sys.exit(status != 0)
            """;
        return double.Parse(Read(command with { Program = "python3", Arguments = ["-c", Script, command.Program, .. command.Arguments] })) / 1024;
    }

    [DllImport("libc", EntryPoint = "wait4")]
    private static extern int Wait(int pid, int* status, int options, long* usage);
}
