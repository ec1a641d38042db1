using System.Diagnostics;

namespace Laptime.EndToEnd.Robustness;

/// <summary>A living process as /proc shows it.</summary>
internal sealed record Living(int Pid, string CommandLine, IReadOnlyList<string> Environment)
{
    /// <summary>Those with this entry in their environment.</summary>
    public static IReadOnlyList<Living> Carrying(string entry) => [.. All().Where(p => p.Environment.Contains(entry))];

    public static IEnumerable<Living> All()
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), out var pid) && Of(pid) is { } living)
            {
                yield return living;
            }
        }
    }

    /// <summary>Null when there is none, or only its entry waits to be reaped.</summary>
    public static Living? Of(int pid)
    {
        try
        {
            var environment = File.ReadAllText($"/proc/{pid}/environ").Split('\0');
            var state = File.ReadAllText($"/proc/{pid}/stat");
            return state[(state.LastIndexOf(')') + 2)..][0] is 'Z' or 'X' ? null : new Living(pid, File.ReadAllText($"/proc/{pid}/cmdline").Replace('\0', ' '), environment);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public string? Variable(string name) => Environment.FirstOrDefault(e => e.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..];

    public void Kill()
    {
        try
        {
            Process.GetProcessById(Pid).Kill();
        }
        catch (ArgumentException)
        {
            // It has ended by itself.
        }
    }

    public override string ToString() => $"{Pid} {CommandLine}";
}
