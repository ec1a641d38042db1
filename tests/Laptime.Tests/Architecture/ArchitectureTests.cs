using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Laptime.Tests.Architecture;

/// <summary>The house is as docs/ARCHITECTURE.md says: read from the sources, since rooms are namespaces of one assembly.</summary>
public sealed class ArchitectureTests
{
    /// <summary>A room uses only rooms before it.</summary>
    private static readonly string[] Rooms =
    [
        "Foundations", "Processes", "Workspaces", "Fingerprints", "Timing", "Planning", "Building", "Artifacts", "Audit", "Signals", "Targets", "Transactions", "Measurement", "Ledgers", "Guardrails", "Gates", "Recipes", "Reports",
    ];

    private static string Root { get; } = FindRoot();

    public static TheoryData<string> RoomNames => [.. Rooms];

    [Fact]
    public void Every_folder_of_the_engine_is_a_room_with_a_place_in_the_order() =>
        Assert.Equal(
            Rooms.Order(StringComparer.Ordinal),
            Directory.EnumerateDirectories(Path.Combine(Root, "src", "Laptime")).Select(d => Path.GetFileName(d)!).Where(n => n is not ("bin" or "obj"))
                .Where(n => Directory.EnumerateFiles(Path.Combine(Root, "src", "Laptime", n), "*.cs", SearchOption.AllDirectories).Any()).Order(StringComparer.Ordinal));

    [Theory, MemberData(nameof(RoomNames))]
    public void A_room_uses_only_rooms_before_it(string room)
    {
        var allowed = Rooms[..(Array.IndexOf(Rooms, room) + 1)];
        foreach (var file in Sources(Path.Combine("src", "Laptime", room)))
        {
            foreach (Match used in Regex.Matches(File.ReadAllText(file), @"\bLaptime\.(\w+)"))
            {
                Assert.True(!Rooms.Contains(used.Groups[1].Value) || allowed.Contains(used.Groups[1].Value), $"{Path.GetRelativePath(Root, file)} uses {used.Value}, which comes after {room}");
            }
        }
    }

    [Fact]
    public void Exactly_one_function_deploys_and_it_alone_counts_deploys()
    {
        var calls = Sources("src").SelectMany(f => Regex.Matches(File.ReadAllText(f), @"\.RolloutAsync\(|Deploys = ").Select(m => (File: Path.GetFileName(f), m.Value))).ToList();
        Assert.Equal([("RolloutPhase.cs", "Deploys = "), ("RolloutPhase.cs", ".RolloutAsync(")], calls);

        var phase = File.ReadAllText(Path.Combine(Root, "src", "Laptime", "Transactions", "RolloutPhase.cs"));
        var start = phase.IndexOf("Task DeployOneAsync(", StringComparison.Ordinal);
        var end = phase.IndexOf("\n    }\n", start, StringComparison.Ordinal);
        Assert.InRange(phase.IndexOf("Deploys = ", StringComparison.Ordinal), start, end);
        Assert.InRange(phase.IndexOf(".RolloutAsync(", StringComparison.Ordinal), start, end);
    }

    [Fact]
    public void The_engine_never_touches_the_console()
    {
        foreach (var file in Sources(Path.Combine("src", "Laptime")))
        {
            Assert.DoesNotMatch(@"\bConsole\.(Write|Out|Error|Read|In\b)", File.ReadAllText(file));
        }
    }

    [Fact]
    public void Every_path_that_the_architecture_page_names_exists()
    {
        var page = File.ReadAllText(Path.Combine(Root, "docs", "ARCHITECTURE.md"));
        var paths = Regex.Matches(page, @"`((?:src|tests|docs)/[\w./-]+)`").Select(m => m.Groups[1].Value).Distinct().ToList();
        Assert.True(paths.Count > 15);
        Assert.All(paths, path => Assert.True(Path.Exists(Path.Combine(Root, path)), path));
    }

    private static IEnumerable<string> Sources(string folder) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal) && !f.Contains($"{Path.DirectorySeparatorChar}bin{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal);

    private static string FindRoot([CallerFilePath] string here = "")
    {
        var folder = File.Exists(here) ? Path.GetDirectoryName(here) : AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder!, "Laptime.slnx")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder!;
    }
}
