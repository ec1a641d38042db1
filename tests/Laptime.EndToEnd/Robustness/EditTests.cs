using System.Text;
using System.Text.Json;

namespace Laptime.EndToEnd.Robustness;

/// <summary>Random small edits, each followed by a deploy: what lap says changed is what changed, whichever path answers.</summary>
public sealed class EditTests
{
    private const int Edits = 200;
    private const int Seed = 20261121;

    /// <summary>The edits are made in data, which is only built; web is there so that there is something running to be read.</summary>
    private const string Yaml = """
        version: 1
        name: scene
        components:
          data:
            path: data
            build:
              steps: [ { name: list, kind: compile, run: "mkdir -p out && find . | wc -l > out/count" } ]
              outputs: ["out/**"]
          web:
            path: web
            run: { command: ["FAKETOOL", serve], port: PORT, drain: 1s, stop-grace: 3s }
            probes: { ready: { http: /health, poll: 5ms } }
        """;

    private readonly Random random = new(Seed);

    [Fact]
    public async Task Two_hundred_small_edits_are_each_seen_for_what_they_are()
    {
        await using var scene = new Scene();
        scene.Write("web/page.txt", "one");
        scene.Write("laptime.yaml", Yaml.Replace("FAKETOOL", LapProcess.FakeTool).Replace("PORT", $"{scene.Front}"));
        for (var i = 0; i < 12; i++)
        {
            scene.Write($"data/{(char)('a' + (i % 3))}/file {i}.txt", $"content {i}");
        }

        var before = Picture(scene);
        var fingerprint = FingerprintOf(await scene.DeployAsync());
        var (fast, unchanged) = (0, 0);
        for (var i = 0; i < Edits; i++)
        {
            var edit = Edit(scene);
            var now = Picture(scene);
            var (wasFast, document) = await NoOps.DeployAsync(scene);
            var next = FingerprintOf(document);
            Assert.True((now == before) == (next == fingerprint),
                $"edit {i} of seed {Seed} ({edit}): the files {(now == before ? "did not change" : "changed")}, the fingerprint {(next == fingerprint ? "did not" : "did")}\n{document}");
            fast += wasFast ? 1 : 0;
            unchanged += now == before ? 1 : 0;
            (before, fingerprint) = (now, next);
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{Edits} edits, {unchanged} of them changed nothing; {fast} answered by the fast path");
        Assert.InRange(fast, 0, unchanged);
    }

    private static string FingerprintOf(JsonElement document) =>
        document.GetProperty("components").EnumerateArray().Single(c => c.GetProperty("name").GetString() == "data").GetProperty("fingerprint").GetString()!;

    /// <summary>Everything that is to count: paths, contents, links, the executable bit; not what .gitignore takes away, nor what the build made.</summary>
    private static string Picture(Scene scene)
    {
        var ignoresTemporary = File.Exists(scene.At(".gitignore")) && File.ReadAllText(scene.At(".gitignore")).Contains("*.tmp", StringComparison.Ordinal);
        var text = new StringBuilder();
        foreach (var file in new DirectoryInfo(scene.At("data")).EnumerateFiles("*", SearchOption.AllDirectories).OrderBy(f => f.FullName, StringComparer.Ordinal))
        {
            var name = Path.GetRelativePath(scene.At("data"), file.FullName);
            if (name.StartsWith("out/", StringComparison.Ordinal) || (ignoresTemporary && name.EndsWith(".tmp", StringComparison.Ordinal)))
            {
                continue;
            }

            text.Append(name).Append(file.LinkTarget is { } target ? $" -> {target}" : $" {(file.UnixFileMode & UnixFileMode.UserExecute) != 0} {File.ReadAllText(file.FullName)}").Append('\n');
        }

        return text.ToString();
    }

    private string Edit(Scene scene)
    {
        var files = new DirectoryInfo(scene.At("data")).EnumerateFiles("*", SearchOption.AllDirectories)
            .Where(f => f.LinkTarget is null && !f.FullName.Contains("/data/out/", StringComparison.Ordinal)).OrderBy(f => f.FullName, StringComparer.Ordinal).ToList();
        var one = files[random.Next(files.Count)];
        var other = files[random.Next(files.Count)];
        var name = $"{random.Next(1000)}";
        switch (files.Count < 6 ? 2 : random.Next(16))
        {
            case 0:
                var time = one.LastWriteTimeUtc;
                File.WriteAllText(one.FullName, Other(File.ReadAllText(one.FullName)));
                File.SetLastWriteTimeUtc(one.FullName, time);
                return $"{one.Name}: same size and time, other content";
            case 1:
                File.AppendAllText(one.FullName, "+");
                return $"{one.Name}: longer";
            case 2:
                scene.Write($"data/a/new {name}.txt", name);
                return "a new file";
            case 3:
                scene.Write($"data/folder {name}/within/file.txt", name);
                return "a new file in a new folder";
            case 4:
                one.Delete();
                return $"{one.Name} deleted";
            case 5:
                one.MoveTo(Path.Combine(one.DirectoryName!, $"renamed {name}.txt"), overwrite: true);
                return $"{one.Name} renamed";
            case 6:
                one.UnixFileMode ^= UnixFileMode.UserExecute;
                return $"{one.Name}: chmod";
            case 7:
                one.LastWriteTimeUtc = DateTime.UtcNow;
                return $"{one.Name}: touch";
            case 8:
                File.Delete(scene.At("data/link"));
                File.CreateSymbolicLink(scene.At("data/link"), $"a/target {name}");
                return "a link";
            case 9:
                scene.Write(".gitignore", File.Exists(scene.At(".gitignore")) && File.ReadAllText(scene.At(".gitignore")).Contains("*.tmp", StringComparison.Ordinal) ? "# nothing\n" : "*.tmp\n");
                return ".gitignore";
            case 10:
                scene.Write($"data/b/{random.Next(3)}.tmp", name);
                return "a temporary file";
            case 11:
                return "nothing at all";
            case 12:
                Save(one, File.ReadAllText(one.FullName));
                return $"{one.Name}: saved again by renaming";
            case 13:
                var saved = one.LastWriteTimeUtc;
                Save(one, Other(File.ReadAllText(one.FullName)));
                File.SetLastWriteTimeUtc(one.FullName, saved);
                return $"{one.Name}: saved by renaming, same size and time, other content";
            case 14:
                File.Move(one.FullName, scene.Aside("swap"), overwrite: true);
                if (one.FullName != other.FullName)
                {
                    File.Move(other.FullName, one.FullName);
                }

                File.Move(scene.Aside("swap"), other.FullName);
                return $"{one.Name} and {other.Name} swapped";
            default:
                one.Delete();
                scene.Write(Path.GetRelativePath(scene.Root, one.FullName) + "/now a folder.txt", name);
                return $"{one.Name}: a folder of the same name";
        }
    }

    private static void Save(FileInfo file, string text)
    {
        File.WriteAllText(file.FullName + ".saving", text, new UTF8Encoding(false));
        File.SetUnixFileMode(file.FullName + ".saving", file.UnixFileMode);
        File.Move(file.FullName + ".saving", file.FullName, overwrite: true);
    }

    private static string Other(string text) => string.Concat(text.Select(c => c == 'x' ? 'y' : 'x'));
}
