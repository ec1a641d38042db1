using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Laptime.Tests.Processes;

public sealed partial class OnePlaceTests
{
    [Fact]
    public void Only_the_process_runner_and_the_agents_supervisor_start_programs()
    {
        var source = Path.GetFullPath(Path.Combine(Here(), "..", "..", "..", "src"));
        Assert.SkipUnless(Directory.Exists(source), "the sources are not here");
        var places = Directory.EnumerateFiles(source, "*.cs", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(source, f).Replace('\\', '/'))
            .Where(f => !f.Split('/').Any(part => part is "obj" or "bin"))
            .Where(f => Starts().IsMatch(File.ReadAllText(Path.Combine(source, f))))
            .Where(f => !f.StartsWith("Laptime/Processes/", StringComparison.Ordinal) && !f.StartsWith("Laptime.Agent/", StringComparison.Ordinal));
        Assert.Empty(places);
    }

    [GeneratedRegex(@"\bProcessStartInfo\b|\bProcess\.Start\(|""posix_spawn""|""execve""|""fork""")]
    private static partial Regex Starts();

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
