using Laptime.Processes;

namespace Laptime.Tests;

/// <summary>The program of tests/FakeTool: each argument is an act.</summary>
internal static class FakeTool
{
    /// <summary>Built beside this project, in the same configuration.</summary>
    public static string Path { get; } = System.IO.Path.GetFullPath(System.IO.Path.Combine(
        AppContext.BaseDirectory.Replace($"{System.IO.Path.DirectorySeparatorChar}Laptime.Tests{System.IO.Path.DirectorySeparatorChar}",
            $"{System.IO.Path.DirectorySeparatorChar}FakeTool{System.IO.Path.DirectorySeparatorChar}", StringComparison.Ordinal),
        OperatingSystem.IsWindows() ? "faketool.exe" : "faketool"));

    public static Command Command(string folder, params string[] acts) => new() { Program = Path, Arguments = acts, Directory = folder };
}
