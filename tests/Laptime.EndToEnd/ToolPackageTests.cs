using Laptime.Processes;

namespace Laptime.EndToEnd;

/// <summary>lap as people install it: packed, installed with `dotnet tool install`, run.</summary>
public sealed class ToolPackageTests
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;

    [Fact]
    public async Task Lap_packs_installs_and_runs_as_a_tool()
    {
        var folder = Directory.CreateTempSubdirectory("lap-tool-").FullName;
        try
        {
            // A version nobody has seen, so that no cache of packages answers in its place.
            var version = $"0.1.0-test.{Guid.NewGuid():N}";
            var (feed, installed) = (Path.Combine(folder, "feed"), Path.Combine(folder, "tool"));
            await RunAsync(folder, "dotnet", "pack", Path.Combine(Root(), "src", "Laptime.Cli"), "-c", "Release", "-nologo", "-v", "q", "-o", feed,
                $"-p:Version={version}", "-p:RunAnalyzers=false", "--artifacts-path", Path.Combine(folder, "build"));
            await RunAsync(folder, "dotnet", "tool", "install", "Laptime.Tool", "--version", version, "--tool-path", installed, "--add-source", feed);
            var lap = Path.Combine(installed, OperatingSystem.IsWindows() ? "lap.exe" : "lap");
            await RunAsync(folder, lap, "version");
            Assert.Single(Directory.GetFiles(installed, OperatingSystem.IsWindows() ? "lap-agent.exe" : "lap-agent", SearchOption.AllDirectories));
            Assert.Single(Directory.GetFiles(installed, "laptime.yaml", SearchOption.AllDirectories));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task RunAsync(string folder, string program, params string[] arguments)
    {
        var command = new Command
        {
            Program = program, Arguments = arguments, Directory = folder, Deadline = TimeSpan.FromMinutes(10),
            // No build server may outlive the test and hold its files.
            Environment = new Dictionary<string, string?> { ["MSBUILDDISABLENODEREUSE"] = "1", ["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0", ["UseSharedCompilation"] = "false" },
        };
        var result = await new ProcessRunner(TimeProvider.System).RunAsync(command, null, Cancel);
        Assert.True(result.Succeeded, $"{program} {string.Join(' ', arguments)}: {result.Ending}\n{string.Join('\n', result.Tail)}");
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Laptime.slnx")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("these tests run from a checkout");
        }

        return folder.FullName;
    }
}
