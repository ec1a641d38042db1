using System.Text.RegularExpressions;

namespace Laptime.Tests.Architecture;

/// <summary>docs/guide/threat-model.md: every promise names the tests that hold it, and they are there.</summary>
public sealed partial class ThreatModelTests
{
    private static readonly string Page = Checkout.At("docs", "guide", "threat-model.md");

    /// <summary>Assets that the page has to speak of.</summary>
    private static readonly string[] Assets =
    [
        "The workspace's files", "The artifact store", "The registry", "The agent's socket", "The journal", "State, proof and lock", "The keys", "The audit log", "Scratch databases", "Logs, reports and secrets",
    ];

    [Fact]
    public void Every_asset_says_who_can_do_what_what_is_promised_and_what_is_not()
    {
        var sections = Sections();
        foreach (var asset in Assets)
        {
            Assert.True(sections.TryGetValue(asset, out var text), $"there is no section `{asset}`");
            Assert.True(text.Contains("| who | can |", StringComparison.Ordinal), $"{asset}: who can do what?");
            Assert.True(text.Contains("| promise | held by |", StringComparison.Ordinal), $"{asset}: what is promised?");
            Assert.True(text.Contains("Not promised:", StringComparison.Ordinal), $"{asset}: what is not promised?");
            Assert.NotEmpty(Promises(text));
        }
    }

    [Fact]
    public void Every_promise_names_a_test_and_every_test_it_names_is_in_the_sources()
    {
        var tests = Tests();
        Assert.True(tests.Count > 1000);
        var promises = Sections().Values.SelectMany(Promises).ToList();
        Assert.True(promises.Count > 40);
        Assert.All(promises, promise =>
        {
            var named = TestName().Matches(promise.HeldBy).Select(m => m.Groups[1].Value).ToList();
            Assert.True(named.Count > 0, $"no test holds: {promise.Text}");
            Assert.All(named, name => Assert.True(tests.Contains(name), $"there is no test {name}, which is said to hold: {promise.Text}"));
        });
    }

    private static Dictionary<string, string> Sections() =>
        File.ReadAllText(Page).Split("\n## ").Skip(1).ToDictionary(s => s[..s.IndexOf('\n')], s => s, StringComparer.Ordinal);

    private static IEnumerable<(string Text, string HeldBy)> Promises(string section)
    {
        var at = section.IndexOf("| promise | held by |", StringComparison.Ordinal);
        return at < 0 ? [] : section[at..].Split('\n').Skip(2).TakeWhile(l => l.StartsWith('|')).Select(l => l.Trim('|', ' ').Split(" | ")).Select(c => (c[0], c.Length == 2 ? c[1] : ""));
    }

    /// <summary>Class.Method, of everything that a runner would run.</summary>
    private static HashSet<string> Tests()
    {
        var tests = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in Directory.EnumerateFiles(Checkout.At("tests"), "*.cs", SearchOption.AllDirectories))
        {
            var owner = "";
            var marked = false;
            foreach (var line in File.ReadLines(file))
            {
                owner = ClassName().Match(line) is { Success: true } found ? found.Groups[1].Value : owner;
                marked |= line.Contains("[Fact", StringComparison.Ordinal) || line.Contains("[Theory", StringComparison.Ordinal);
                if (marked && MethodName().Match(line) is { Success: true } method)
                {
                    tests.Add($"{owner}.{method.Groups[1].Value}");
                    marked = false;
                }
            }
        }

        return tests;
    }

    [GeneratedRegex(@"`(\w+\.\w+)`")]
    private static partial Regex TestName();

    [GeneratedRegex(@"^(?:public|internal)[\w ]* class (\w+)")]
    private static partial Regex ClassName();

    [GeneratedRegex(@"^    public [\w<> ]*?(\w+)\(")]
    private static partial Regex MethodName();
}
