using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Measurement;
using Laptime.Reports;
using Laptime.Storage.Sqlite;

namespace Laptime.Tests.Measurement;

public sealed class ExperimentTests : IDisposable
{
    private const string Yaml =
        """
        version: 1
        name: shop
        components:
          gateway:
            path: src/gateway
            build:
              steps:
                - { name: compile, run: make }
                - { name: lint, run: make lint }
            run: { command: ./gateway, port: 8080, env: { TOKEN: "one" } }
            probes: { ready: { http: /ready, poll: 100ms } }
          page: { path: src/page }
        profiles: { fast: { vars: { level: "1" } } }
        """;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Nothing_changed_is_no_change() => Assert.Empty(Snapshot(Yaml).ChangesTo(Snapshot(Yaml)));

    [Fact]
    public void All_changes_of_one_step_are_one_thing_with_the_old_and_the_new_text()
    {
        var change = Assert.Single(Snapshot(Yaml).ChangesTo(Snapshot(Yaml.Replace("run: make lint", "run: true, env: { LEVEL: \"2\" }", StringComparison.Ordinal))));
        Assert.Equal("step lint of gateway", change.What);
        Assert.Equal(["components.gateway.build.steps.lint.env.LEVEL changed", "components.gateway.build.steps.lint.run: make lint → true"], change.Detail);
    }

    [Fact]
    public void Steps_probes_run_settings_and_profiles_are_things_apart() =>
        Assert.Equal(
            ["probes of gateway", "profile fast", "run of gateway", "step compile of gateway"],
            Snapshot(Yaml).ChangesTo(Snapshot(Yaml.Replace("run: make }", "run: make -j }", StringComparison.Ordinal).Replace("100ms", "10ms", StringComparison.Ordinal)
                .Replace("8080", "8081", StringComparison.Ordinal).Replace("\"1\"", "\"2\"", StringComparison.Ordinal))).Select(c => c.What).Order(StringComparer.Ordinal));

    [Fact]
    public void A_whole_component_is_one_thing_and_values_of_variables_are_not_told()
    {
        var change = Assert.Single(Snapshot(Yaml).ChangesTo(Snapshot(Yaml.Replace("  page: { path: src/page }\n", "", StringComparison.Ordinal))));
        Assert.Equal(("component page", "is gone"), (change.What, Assert.Single(change.Detail)));
        var secret = Assert.Single(Snapshot(Yaml).ChangesTo(Snapshot(Yaml.Replace("\"one\"", "\"two\"", StringComparison.Ordinal))));
        Assert.Equal(["components.gateway.run.env.TOKEN changed"], secret.Detail);
    }

    [Fact]
    public void Files_are_one_thing_for_each_component_and_shared_ones_and_tools_are_told_once()
    {
        var before = Snapshot(Yaml, ("gateway", [File("a.cs", 1), File("proto/p", 1), Tool("1")]), ("page", [File("index.html", 1), File("proto/p", 1), Tool("1")]));
        var after = Snapshot(Yaml, ("gateway", [File("b.cs", 1), File("proto/p", 2), Tool("2")]), ("page", [File("index.html", 1), File("proto/p", 2), Tool("2")]));
        Assert.Equal(
            [("inputs of gateway", "a.cs b.cs"), ("inputs of gateway, page", "proto/p"), ("tool dotnet", "of gateway, page")],
            before.ChangesTo(after).Select(c => (c.What, string.Join(' ', c.Detail))));
    }

    [Fact]
    public void What_only_follows_from_an_edit_of_laptime_yaml_is_not_counted_again()
    {
        var before = Snapshot(Yaml, ("gateway", [new(PartKind.Step, "lint", "make lint"), new(PartKind.Uses, "x", "1")]));
        var after = Snapshot(Yaml.Replace("make lint", "true", StringComparison.Ordinal), ("gateway", [new(PartKind.Step, "lint", "true"), new(PartKind.Uses, "x", "2")]));
        Assert.Equal("step lint of gateway", Assert.Single(before.ChangesTo(after)).What);

        // The file is the same, the environment resolves it to something else.
        var resolved = Snapshot(Yaml, ("gateway", [new(PartKind.Step, "lint", "true"), new(PartKind.Uses, "x", "1")]));
        Assert.Equal("step lint of gateway", Assert.Single(before.ChangesTo(resolved)).What);
    }

    [Fact]
    public void An_experiment_is_kept_finished_and_read_back_with_its_parts()
    {
        using var journal = SqliteJournal.Open(Path.Combine(folder.Path, "journal.db"));
        var store = new ExperimentStore(journal);
        var begun = Begun("no-lint", Snapshot(Yaml, ("gateway", [File("a.cs", 1)])));
        store.Start(begun);
        Assert.Throws<LapException>(() => store.CheckNew("no-lint"));
        var found = store.Find(null, open: true);
        Assert.Equal((begun.Hypothesis, "open", begun.At.Settings.Count), (found.Hypothesis, found.State, found.At.Settings.Count));
        Assert.Equal(begun.At.Components[0].Value, Assert.Single(found.At.Components).Value);

        var finished = found.Finish(Snapshot(Yaml.Replace("make lint", "true", StringComparison.Ordinal), ("gateway", [File("a.cs", 2)])), After(), ComparisonWordsTests.Compare(("detect", 0.3)), begun.StartedAt.AddHours(1));
        store.Save(finished);
        var read = store.Find("no-lint");
        Assert.Equal("finished", read.State);
        Assert.Equal(["step lint of gateway", "inputs of gateway"], read.Changes.Select(c => c.What));
        Assert.StartsWith("2 things changed: step lint of gateway; inputs of gateway.", Assert.Single(read.Warnings), StringComparison.Ordinal);
        Assert.StartsWith("interval unchanged; the dominant segment is still ", read.Comparison!.Sentence, StringComparison.Ordinal);
        Assert.Equal("no experiment is open", Assert.Throws<LapException>(() => store.Find(null, open: true)).Problems[0].What);
    }

    [Fact]
    public void Its_page_has_hypothesis_changes_and_verdict()
    {
        var begun = Begun("no-lint", Snapshot(Yaml));
        Assert.Contains("**Outcome**: open.", ExperimentMarkdown.Write(begun), StringComparison.Ordinal);
        Golden.Equal("experiment.md", ExperimentMarkdown.Write(begun.Finish(
            Snapshot(Yaml.Replace("run: make }", "run: make -j }", StringComparison.Ordinal)), After(), ComparisonWordsTests.Compare(("build/compile", 0.4)), begun.StartedAt.AddHours(1))));
    }

    private static FingerprintPart File(string name, byte content) => new(PartKind.File, name, $"file:sha256:{new string((char)('0' + content), 64)}");

    private static FingerprintPart Tool(string version) => new(PartKind.Tool, "dotnet", version);

    private static InputSnapshot Snapshot(string yaml, params (string Name, FingerprintPart[] Parts)[] components) => new()
    {
        At = DateTimeOffset.UnixEpoch, Lap = "1", Machine = MachineReport.Of("cpu", 2, 4, "os"), Settings = Settings.Flatten(yaml),
        Components = [.. components.Select(c => ComponentFingerprint.Of(c.Name, c.Parts))],
    };

    private static Experiment Begun(string name, InputSnapshot at) => new()
    {
        Id = "ex-1", Name = name, Workspace = "shop", Hypothesis = "without lint a deploy takes a *third* less", StartedAt = new DateTimeOffset(2026, 11, 21, 12, 0, 0, TimeSpan.Zero),
        Before = new SideName("bl-1", "no-lint-before"), Runs = 10, At = at, Dominant = new DominantShare("build/compile", "web", "compile", 2.4, 0.57),
        Key = new BaselineKey { Scenario = "full", Environment = "local", Machine = MachineReport.Of("cpu", 2, 4, "os") },
    };

    private static Baseline After() => new()
    {
        Id = "bl-2", Name = "no-lint-after", Workspace = "shop", At = DateTimeOffset.UnixEpoch, Requested = 10,
        Key = new BaselineKey { Scenario = "full", Environment = "local", Machine = MachineReport.Of("cpu", 2, 4, "os") },
    };
}
