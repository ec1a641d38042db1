using FsCheck;
using FsCheck.Fluent;
using Laptime.Fingerprints;
using Laptime.Planning;
using Laptime.Workspaces;

namespace Laptime.Tests.Planning;

/// <summary>Plans of several components, and the words for what changed.</summary>
public sealed class PlanTests
{
    private static readonly FingerprintPart[] Parts =
    [
        Given.File("app/a"), new(PartKind.Variable, "FLAVOR", "sha256:secret"), new(PartKind.Step, "001 compile", "x"), new(PartKind.Profile, "", "profile fast"),
        new(PartKind.Profile, "configuration", "sha256:debug"), new(PartKind.Platform, "", "linux-x64"), new(PartKind.Tool, "compile", "Make 4.3"),
        new(PartKind.Uses, "lib", "sha256:lib"), new(PartKind.Setting, "output out/**", ""),
    ];

    private static PlannedComponent Plan(ComponentFingerprint before, ComponentFingerprint after) => Planner.PlanOne(
        Given.Component("app"), Facts(new Dictionary<string, ComponentFingerprint> { ["app"] = after }) with
        {
            Records = Given.Only("app", new DeployedRecord { Component = "app", Fingerprint = before.Value, Artifact = Digest.Of("old") }),
            RecordedFingerprints = Given.Only("app", before),
        },
        new Dictionary<string, PlannedComponent>());

    private static PlanningFacts Facts(IReadOnlyDictionary<string, ComponentFingerprint> fingerprints) => new()
    {
        Fingerprints = fingerprints,
        Artifacts = new Dictionary<string, Digest>(),
        RunSettings = fingerprints.ToDictionary(f => f.Key, _ => Given.Settings()),
        Observed = new Dictionary<string, Running>(),
        Records = new Dictionary<string, DeployedRecord>(),
        RecordedFingerprints = new Dictionary<string, ComponentFingerprint>(),
    };

    [Theory]
    [InlineData(0, "inputs-changed", "app/a")]
    [InlineData(1, "inputs-changed", "variable FLAVOR")]
    [InlineData(2, "settings-changed", "step compile")]
    [InlineData(3, "profile-changed", "the profile")]
    [InlineData(4, "profile-changed", "profile variable configuration")]
    [InlineData(5, "settings-changed", "platform")]
    [InlineData(6, "settings-changed", "tool compile: Make 4.3 → other")]
    [InlineData(7, "uses-changed", "artifact of lib")]
    public void Each_kind_of_change_has_its_cause_and_its_words(int part, string cause, string detail)
    {
        var after = Parts.Select((p, i) => i == part ? p with { Value = "other" } : p).ToArray();
        var plan = Plan(Given.Fingerprint("app", Parts), Given.Fingerprint("app", after));
        Assert.Equal(cause, plan.Cause.Text());
        Assert.Equal([detail], plan.Detail);
    }

    [Fact]
    public void An_output_more_is_a_setting_and_says_that_it_was_added()
    {
        var plan = Plan(Given.Fingerprint("app", Parts), Given.Fingerprint("app", [.. Parts, new(PartKind.Setting, "output dist/**", "")]));
        Assert.Equal("settings-changed", plan.Cause.Text());
        Assert.Equal(["output dist/** (added)"], plan.Detail);
    }

    /// <summary>Any set of changes: files and variables come before what is used, that before the profile, that before everything else.</summary>
    [Fact]
    public void The_strongest_change_names_the_cause_and_every_change_is_told() => Check.One(
        Config.QuickThrowOnFailure,
        Prop.ForAll(Gen.Choose(1, (1 << Parts.Length) - 1).ToArbitrary(), Gen.Choose(0, 2).ToArbitrary(), (changed, how) =>
        {
            FingerprintPart[] after = how switch
            {
                0 => [.. Parts.Select((p, i) => (changed & (1 << i)) == 0 ? p : p with { Value = "other" })],
                1 => [.. Parts.Where((_, i) => (changed & (1 << i)) == 0)],
                _ => [.. Parts, .. Parts.Where((_, i) => (changed & (1 << i)) != 0).Select(p => p with { Name = p.Name + "2" })],
            };
            var kinds = Parts.Where((_, i) => (changed & (1 << i)) != 0).Select(p => p.Kind).ToHashSet();
            var plan = Plan(Given.Fingerprint("app", Parts), Given.Fingerprint("app", after));
            Assert.Equal(
                kinds.Overlaps([PartKind.File, PartKind.Variable]) ? Cause.InputsChanged
                : kinds.Contains(PartKind.Uses) ? Cause.UsesChanged
                : kinds.Contains(PartKind.Profile) ? Cause.ProfileChanged
                : Cause.SettingsChanged, plan.Cause);
            Assert.Equal(System.Numerics.BitOperations.PopCount((uint)changed), plan.Detail.Count);
            Assert.DoesNotContain(plan.Detail, d => d.Contains("sha256:", StringComparison.Ordinal));
        }));

    [Theory]
    [InlineData(200, null)]
    [InlineData(201, "and 1 more")]
    [InlineData(5000, "and 4800 more")]
    public void At_most_200_facts_and_then_a_count(int files, string? last)
    {
        var plan = Plan(Given.Fingerprint("app"), Given.Fingerprint("app", [.. Enumerable.Range(0, files).Select(i => Given.File($"app/{i:0000}"))]));
        Assert.Equal(last is null ? 200 : 201, plan.Detail.Count);
        Assert.Equal(last ?? "app/0199 (added)", plan.Detail[^1]);
        Assert.Equal(Cause.InputsChanged, plan.Cause);
    }

    [Fact]
    public void The_cause_is_found_among_all_changes_not_only_those_that_are_told()
    {
        var steps = Enumerable.Range(1, 300).Select(i => new FingerprintPart(PartKind.Step, $"{i:000} s{i}", "x"));
        Assert.Equal(Cause.UsesChanged, Plan(Given.Fingerprint("app"), Given.Fingerprint("app", [.. steps, new(PartKind.Uses, "lib", "x")])).Cause);
    }

    [Fact]
    public void What_waits_for_something_that_is_built_first_says_so()
    {
        var workspace = Given.Workspace(Given.Component("app", uses: ["lib"]), Given.Component("lib", runs: false));
        var before = Given.Fingerprint("app", new FingerprintPart(PartKind.Uses, "lib", "1"));
        var facts = Facts(new Dictionary<string, ComponentFingerprint>
        {
            ["app"] = Given.Fingerprint("app", new FingerprintPart(PartKind.Uses, "lib", "2")), ["lib"] = Given.Fingerprint("lib"),
        }) with
        {
            Records = Given.Only("app", new DeployedRecord { Component = "app", Fingerprint = before.Value, Artifact = Digest.Of("old") }),
            RecordedFingerprints = Given.Only("app", before),
        };
        var plan = Planner.Make(workspace, Given.Local, facts);
        Assert.Equal(["lib", "app"], plan.Components.Select(c => c.Name));
        Assert.Equal(Cause.UsesChanged, plan.Components[1].Cause);
        Assert.Contains("lib is built first", plan.Components[1].Detail[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Explicit_selection_never_plans_others() => Check.One(
        Config.QuickThrowOnFailure,
        Prop.ForAll(Graphs(), Gen.Choose(0, 255).ToArbitrary(), (components, mask) =>
        {
            var names = components.Select(c => c.Name).Where((_, i) => (mask & (1 << i)) != 0).ToHashSet();
            var facts = Facts(components.ToDictionary(c => c.Name, c => Given.Fingerprint(c.Name))) with { Selected = names, Force = mask % 2 == 0 };
            var plan = Planner.Make(Given.Workspace(components), Given.Local, facts);
            Assert.Equal(names.Order(), plan.Components.Select(c => c.Name).Order());
        }));

    [Fact]
    public void What_is_used_or_needed_comes_first_and_otherwise_the_files_order_stays() => Check.One(
        Config.QuickThrowOnFailure,
        Prop.ForAll(Graphs(), components =>
        {
            var workspace = Given.Workspace(components);
            foreach (var (sorted, before) in new[] { (Order.ByUses(workspace), (Func<Component, IReadOnlyList<string>>)(c => c.Uses)), (Order.ByNeeds(workspace), c => c.Needs) })
            {
                Assert.Equal(components.Length, sorted.Distinct().Count());
                var place = sorted.Select((c, i) => (c.Name, i)).ToDictionary(c => c.Name, c => c.i);
                Assert.All(sorted, c => Assert.All(before(c), u => Assert.True(place[u] < place[c.Name])));
            }

            var free = Given.Workspace([.. components.Select(c => c with { Uses = [], Needs = [] })]);
            Assert.Equal(free.Components, Order.ByUses(free));
            Assert.Equal(free.Components, Order.ByNeeds(free));
        }));

    /// <summary>Up to eight components without cycles, in an order of their own.</summary>
    private static Arbitrary<Component[]> Graphs() => Gen.Choose(0, int.MaxValue).ArrayOf().Where(s => s.Length <= 8).Select(seeds =>
    {
        var random = new Random(seeds.FirstOrDefault());
        var made = seeds.Select((seed, i) => Given.Component(
            $"c{i}", uses: [.. Enumerable.Range(0, i).Where(j => (seed & (1 << j)) != 0).Select(j => $"c{j}")],
            needs: [.. Enumerable.Range(0, i).Where(j => (seed & (256 << j)) != 0).Select(j => $"c{j}")])).ToArray();
        random.Shuffle(made);
        return made;
    }).ToArbitrary();

    [Fact]
    public void What_runs_there_but_not_in_the_file_is_a_warning_with_its_cure()
    {
        var facts = Facts(new Dictionary<string, ComponentFingerprint> { ["lib"] = Given.Fingerprint("lib") }) with
        {
            Observed = new Dictionary<string, Running> { ["lib"] = new(Digest.Of("a"), Digest.None, Digest.None, null, true, null), ["gone"] = new(Digest.Of("a"), Digest.None, Digest.None, null, true, null) },
        };
        var plan = Planner.Make(Given.Workspace(Given.Component("lib", runs: false)), Given.Local, facts);
        Assert.Equal(["gone", "lib"], plan.Warnings.Select(w => w.Split(' ')[0]));
        Assert.Contains("`lap down gone`", plan.Warnings[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Loop.Fast, false, "app: step lint is left out of the fast loop")]
    [InlineData(Loop.Safe, false, "app: step quick is left out of the safe loop")]
    [InlineData(Loop.Fast, true, null)]
    [InlineData(Loop.Safe, true, null)]
    public void A_step_that_this_loop_leaves_out_is_a_gap_unless_everything_runs(Loop loop, bool full, string? gap)
    {
        var workspace = Given.Workspace(
            Given.Component("app", steps: [Given.Step("compile"), Given.Step("lint", Loop.Safe), Given.Step("quick", Loop.Fast), Given.Step("both", Loop.Fast, Loop.Safe)]),
            Given.Component("other", steps: [Given.Step("lint", Loop.Safe), Given.Step("quick", Loop.Fast)]));
        Assert.Equal(gap is null ? [] : [gap], ParityGap.OfBuild(workspace, Given.Local with { Loop = loop }, null, new HashSet<string> { "app" }, full));
        Assert.Equal(full ? 0 : 2, ParityGap.OfBuild(workspace, Given.Local with { Loop = loop }, null, null, full).Count);
    }
}
