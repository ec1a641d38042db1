using System.Globalization;
using System.Text;

namespace Laptime.Bench;

/// <summary>A page of figures: printed while it is made, written to docs/perf at the end.</summary>
internal sealed class Page(string file, string title)
{
    private readonly StringBuilder text = new($"# {title}\n\n{Machine()}\n");

    public void Line(string line = "")
    {
        Console.WriteLine(line);
        text.Append(line).Append('\n');
    }

    public void Head(params string[] cells)
    {
        Row(cells);
        Row([.. cells.Select((_, i) => i == 0 ? "---" : "---:")]);
    }

    public void Row(params string[] cells) => Line("| " + string.Join(" | ", cells) + " |");

    /// <summary>Written at once and whole.</summary>
    public void Save()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text.ToString());
        Console.WriteLine($"\nwritten: {file}\n");
    }

    /// <summary>
    /// Written over the page that is there: what this run measured replaces the section with its heading, and is dated; other sections, those that people wrote included, stay as they are.
    /// </summary>
    public void SaveOver()
    {
        var mine = Sections(text.ToString());
        var stamp = $"Measured {DateTime.UtcNow:yyyy-MM-dd HH:mm}, load average at the end {File.ReadAllText("/proc/loadavg").Split(' ')[0]}.";
        var left = mine.Skip(1).ToDictionary(KeyOf, s => s.Insert(s.IndexOf('\n') + 1, $"\n{stamp}\n"), StringComparer.Ordinal);
        var page = new StringBuilder(mine[0].TrimEnd()).Append('\n');
        foreach (var old in File.Exists(file) ? Sections(File.ReadAllText(file)).Skip(1) : [])
        {
            page.Append('\n').Append((left.Remove(KeyOf(old), out var now) ? now : old).TrimEnd()).Append('\n');
        }

        foreach (var added in left.Values)
        {
            page.Append('\n').Append(added.TrimEnd()).Append('\n');
        }

        text.Clear().Append(page);
        Save();
    }

    private static List<string> Sections(string page) => [.. page.Split("\n## ").Select(static (part, i) => i == 0 ? part : "## " + part)];

    /// <summary>The heading, however many rounds it names.</summary>
    private static string KeyOf(string section) =>
        string.Join(", ", section.Split('\n')[0].Split(", ").Where(static words => !words.EndsWith(" rounds", StringComparison.Ordinal)));

    public static string Ms(double value) => value.ToString(value < 10 ? "0.0" : "0", CultureInfo.InvariantCulture);

    public static string Times(double value) => value.ToString("0.00", CultureInfo.InvariantCulture) + " x";

    /// <summary>A figure beside its goal.</summary>
    public static string Against(double value, double goal, string unit = "") =>
        string.Create(CultureInfo.InvariantCulture, $"{value:0.##}{unit} {(value <= goal ? "≤" : "**>**")} {goal:0.##}{unit}");

    private static string Machine()
    {
        var model = File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "unknown processor";
        var memory = long.Parse(File.ReadLines("/proc/meminfo").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024 / 1024;
        var load = File.ReadAllText("/proc/loadavg").Split(' ')[0];
        return $"{DateTime.UtcNow:yyyy-MM-dd}, {Environment.ProcessorCount} processors ({model}), {memory} GB, {Environment.OSVersion.VersionString}, .NET {Environment.Version}, "
            + $"{Path.GetPathRoot(Path.GetTempPath())} on {new DriveInfo(Path.GetTempPath()).DriveFormat}; load average when it began: {load}.\n\n"
            + "Whole processes, warm file cache, measured in turn (A B C A B C …), times in milliseconds where nothing else is said. The ratios are what to trust: `bench/run` measures them anew.\n";
    }
}
