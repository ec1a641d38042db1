using FsCheck;
using FsCheck.Fluent;
using Laptime.Fingerprints;
using Laptime.Planning;
using Laptime.Workspaces;

namespace Laptime.Tests.Planning;

/// <summary>Which components are restarted because of what others became; a small world is deployed to, killed and deployed to again, and what it ends as is looked at.</summary>
public sealed class ReconciliationTests
{
    private static readonly Component Catalog = Given.Component("catalog");
    private static readonly Component Gateway = Given.Component("gateway", needs: ["catalog"]) with { ReconcileAll = true };

    private static Digest V(int version) => Digest.Of($"version {version}");

    [Fact]
    public void A_changed_artifact_restarts_who_loaded_the_one_before_and_says_so()
    {
        var world = new World(Catalog, Gateway);
        world.Deploy();
        world.Build("catalog", 2);
        var plan = world.Plan();
        var gateway = plan.Single(p => p.Name == "gateway");
        Assert.Equal((ActionKind.Reconcile, Cause.DependencyChanged), (gateway.Action, gateway.Cause));
        Assert.Equal([$"it loaded catalog {World.Artifact("catalog", 1).Short}; {World.Artifact("catalog", 2).Short} is there now"], gateway.Detail);
        Assert.Equal(["catalog"], gateway.ReconciledFor);
        Assert.Equal(["catalog:rollout", "gateway:reconcile"], world.Deploy());
        Assert.Empty(world.Deploy());
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void Only_what_is_asked_for_is_restarted(bool all, bool other)
    {
        var world = new World(
            Catalog, Given.Component("prices"), Gateway with { Needs = ["catalog", "prices"], ReconcileAll = all, ReconcileOnly = other ? ["prices"] : [] });
        world.Deploy();
        world.Build("catalog", 2);
        Assert.Equal(all ? ["catalog:rollout", "gateway:reconcile"] : ["catalog:rollout"], world.Deploy());
    }

    [Fact]
    public void A_library_that_does_not_run_counts_as_it_was_built()
    {
        var world = new World(Given.Component("lib", runs: false), Gateway with { Needs = [], Uses = ["lib"] });
        world.Deploy();
        world.Build("lib", 2);
        Assert.Equal(["gateway:reconcile"], world.Deploy());
    }

    [Fact]
    public void A_fixed_image_counts_by_the_settings_that_name_it()
    {
        var world = new World(Given.Component("db") with { Run = Given.Run("") with { Image = "db@sha256:1" } }, Gateway with { Needs = ["db"] });
        world.Deploy();
        Assert.Empty(world.Deploy());
        world.Settings["db"] = Given.Settings("9090");
        Assert.Equal(["db:rollout", "gateway:reconcile"], world.Deploy());
        Assert.Empty(world.Deploy());
    }

    [Fact]
    public void What_is_rolled_out_itself_is_not_restarted_too()
    {
        var world = new World(Catalog, Gateway);
        world.Deploy();
        world.Build("catalog", 2);
        world.Build("gateway", 2);
        Assert.Equal(["catalog:rollout", "gateway:rollout"], world.Deploy());
        Assert.Empty(world.Deploy());
    }

    [Fact]
    public void A_chain_is_restarted_once_each_in_its_order()
    {
        var world = new World(
            Given.Component("c", needs: ["b"]) with { ReconcileAll = true }, Given.Component("b", needs: ["a"]) with { ReconcileAll = true }, Given.Component("a"),
            Given.Component("both", needs: ["a", "b", "c"]) with { ReconcileAll = true });
        world.Deploy();
        world.Build("a", 2);
        Assert.Equal(["a:rollout", "b:reconcile", "c:reconcile", "both:reconcile"], world.Deploy());
        Assert.Empty(world.Deploy());
    }

    [Fact]
    public void A_restart_of_a_component_that_restarts_for_nothing_itself_changes_nothing_for_others()
    {
        var world = new World(Given.Component("a"), Given.Component("b", needs: ["a"]), Given.Component("c", needs: ["b"]) with { ReconcileAll = true });
        world.Deploy();
        world.Build("a", 2);
        Assert.Equal(["a:rollout"], world.Deploy());
    }

    [Fact]
    public void What_must_be_built_first_says_so_in_the_plan()
    {
        var world = new World(Catalog, Gateway);
        world.Deploy();
        world.Forget("catalog");
        var gateway = world.Plan().Single(p => p.Name == "gateway");
        Assert.Equal(ActionKind.Reconcile, gateway.Action);
        Assert.Equal(["catalog is built first; if its artifact comes out the same, nothing is restarted"], gateway.Detail);
    }

    [Fact]
    public void Not_knowing_what_was_loaded_restarts_once_and_then_is_known()
    {
        var world = new World(Catalog, Gateway);
        world.Deploy();
        world.Lose("gateway");
        Assert.StartsWith("which catalog it loaded is not known (started by tx-1)", world.Plan().Single(p => p.Name == "gateway").Detail[0], StringComparison.Ordinal);
        Assert.Equal(["gateway:reconcile"], world.Deploy());
        Assert.Empty(world.Deploy());
    }

    [Fact]
    public void A_target_that_does_not_say_what_was_loaded_is_helped_by_the_record_of_the_same_start_only()
    {
        var world = new World(Catalog, Gateway) { Says = false };
        world.Deploy();
        Assert.Empty(world.Deploy());
        world.Build("catalog", 2);
        Assert.Equal(["catalog:rollout", "gateway:reconcile"], world.Deploy());
        world.Restart("gateway", "tx-of-somebody-else");
        Assert.Equal(["gateway:reconcile"], world.Deploy());
    }

    [Fact]
    public void Only_named_components_are_acted_on_and_the_next_plain_deploy_heals()
    {
        var world = new World(Catalog, Gateway);
        world.Deploy();
        world.Build("catalog", 2);
        Assert.Equal(["catalog:rollout"], world.Deploy(selected: ["catalog"]));
        Assert.Equal(["gateway"], world.Stale().Keys);
        Assert.Equal(["gateway:reconcile"], world.Deploy());
        Assert.Empty(world.Stale());
    }

    [Fact]
    public void Nothing_is_restarted_on_a_target_that_could_not_be_read()
    {
        var world = new World(Catalog, Gateway);
        world.Deploy();
        world.Build("catalog", 2);
        var facts = world.Facts() with { Unreadable = "no answer" };
        Assert.DoesNotContain(Planner.Make(world.Workspace, Given.Local, facts).Components, p => p.Action == ActionKind.Reconcile);
    }

    [Fact]
    public void Uses_and_needs_that_go_round_end()
    {
        var world = new World(Given.Component("a", needs: ["b"]), Given.Component("b", uses: ["a"]) with { ReconcileAll = true });
        world.Deploy();
        world.Build("a", 2);
        Assert.Contains("b:reconcile", world.Deploy());
        Assert.Empty(world.Deploy());
    }

    /// <summary>Whatever the graph, what is changed and where a run is killed: the next whole run heals it, each component is started at most once in a run, and the one after it does nothing.</summary>
    [Fact]
    public void Whatever_is_killed_is_healed_once_and_then_steady() => Check.QuickThrowOnFailure(Prop.ForAll(Story(), story =>
    {
        var world = new World([.. story.Components]) { Says = story.Says };
        world.Deploy();
        if (world.Deploy().Count > 0)
        {
            return false;
        }

        foreach (var (changed, killedAfter) in story.Runs)
        {
            foreach (var name in changed)
            {
                world.Build(name, world.VersionOf(name) + 1);
            }

            var started = world.Deploy(killedAfter);
            if (started.Select(s => s.Split(':')[0]).Distinct().Count() != started.Count)
            {
                return false;
            }
        }

        var healing = world.Deploy();
        return healing.Select(s => s.Split(':')[0]).Distinct().Count() == healing.Count && world.Deploy().Count == 0 && world.Stale().Count == 0 && world.AllLoadedWhatIsThere();
    }));

    [Fact]
    public void Nothing_is_restarted_that_did_not_ask_for_it_or_for_which_nothing_changed() => Check.QuickThrowOnFailure(Prop.ForAll(Story(), story =>
    {
        var world = new World([.. story.Components]) { Says = story.Says };
        world.Deploy();
        foreach (var (changed, killedAfter) in story.Runs)
        {
            foreach (var name in changed)
            {
                world.Build(name, world.VersionOf(name) + 1);
            }

            var before = world.Reachable();
            var restarted = world.Deploy(killedAfter).Where(s => s.EndsWith(":reconcile", StringComparison.Ordinal)).Select(s => s.Split(':')[0]);
            if (restarted.Any(r => world.Workspace.Find(r)!.Reconciles.Count == 0 || !before[r]))
            {
                return false;
            }
        }

        return true;
    }));

    private sealed record Told(IReadOnlyList<Component> Components, bool Says, IReadOnlyList<(IReadOnlyList<string> Changed, int KilledAfter)> Runs);

    private static Arbitrary<Told> Story()
    {
        var numbers = Gen.Choose(0, int.MaxValue).ArrayOf(64);
        return numbers.Select(n =>
        {
            var at = 0;
            int Next(int most) => n[at++ % n.Length] % most;
            var count = 2 + Next(5);
            var components = new List<Component>();
            for (var i = 0; i < count; i++)
            {
                string[] Earlier() => [.. Enumerable.Range(0, i).Where(_ => Next(3) == 0).Select(e => $"c{e}")];
                var (uses, needs) = (Earlier(), Earlier());
                string[] all = [.. uses.Union(needs)];
                components.Add(Given.Component($"c{i}", runs: Next(5) != 0, uses, needs) with
                {
                    ReconcileAll = Next(2) == 0, ReconcileOnly = [.. all.Where(_ => Next(2) == 0)],
                });
            }

            var runs = Enumerable.Range(0, 1 + Next(4)).Select(_ =>
                ((IReadOnlyList<string>)[.. components.Where(_ => Next(3) == 0).Select(c => c.Name)], Next(2) == 0 ? Next(count + 1) : int.MaxValue)).ToList();
            return new Told(components, Next(2) == 0, runs);
        }).ToArbitrary();
    }

    /// <summary>A target and the records of one checkout, as far as restarts follow from them. The order of work is the engine's: what is waited for comes first.</summary>
    private sealed class World(params Component[] components)
    {
        private readonly Dictionary<string, int> versions = components.ToDictionary(c => c.Name, _ => 1);
        private readonly HashSet<string> unbuilt = [];
        private readonly Dictionary<string, Running> running = [];
        private readonly Dictionary<string, DeployedRecord> records = [];
        private int transactions;

        public bool Says { get; init; } = true;

        public Dictionary<string, IReadOnlyDictionary<string, string>> Settings { get; } = components.ToDictionary(c => c.Name, _ => Given.Settings());

        public Workspace Workspace { get; } = Given.Workspace(components);

        public static Digest Artifact(string name, int version) => Digest.Of($"{name} {V(version)}");

        public int VersionOf(string name) => versions[name];

        public void Build(string name, int version) => versions[name] = version;

        public void Forget(string name) => unbuilt.Add(name);

        public void Lose(string name)
        {
            running[name] = running[name] with { Loaded = null };
            records[name] = records[name] with { StartedBy = null, Loaded = null };
        }

        public void Restart(string name, string by) => running[name] = running[name] with { Transaction = by };

        public PlanningFacts Facts(IReadOnlySet<string>? selected = null) => new()
        {
            Fingerprints = components.ToDictionary(c => c.Name, c => Given.Fingerprint(c.Name, Given.File(c.Name, $"{versions[c.Name]}"))),
            Artifacts = components.Where(c => !unbuilt.Contains(c.Name)).ToDictionary(c => c.Name, c => Artifact(c.Name, versions[c.Name])),
            RunSettings = new Dictionary<string, IReadOnlyDictionary<string, string>>(Settings),
            Observed = new Dictionary<string, Running>(running),
            Records = new Dictionary<string, DeployedRecord>(records),
            RecordedFingerprints = new Dictionary<string, ComponentFingerprint>(),
            Selected = selected,
        };

        public IReadOnlyList<PlannedComponent> Plan(IReadOnlySet<string>? selected = null) => Planner.Make(Workspace, Given.Local, Facts(selected)).Components;

        public IReadOnlyDictionary<string, IReadOnlyList<string>> Stale() => Reconciliation.Stale(Workspace, running, records);

        /// <summary>What was started, in order, with its action.</summary>
        public IReadOnlyList<string> Deploy(int killedAfter = int.MaxValue, IReadOnlyList<string>? selected = null)
        {
            var id = $"tx-{++transactions}";
            var plans = Plan(selected?.ToHashSet()).ToDictionary(p => p.Name);
            foreach (var library in plans.Values.Where(p => Workspace.Find(p.Name)!.Run is null))
            {
                records[library.Name] = new DeployedRecord { Component = library.Name, Artifact = library.Artifact, Fingerprint = library.Fingerprint.Value };
            }

            var started = new List<string>();
            foreach (var name in Order.ByRollout(Workspace).Select(c => c.Name).Where(n => plans.TryGetValue(n, out var p) && p.RollsOut))
            {
                if (started.Count == killedAfter)
                {
                    break;
                }

                var plan = plans[name];
                running[name] = new Running(plan.Artifact, plan.DeploymentKey, plan.Fingerprint.Value, name, true, null) { Transaction = id, Loaded = Says ? plan.Loads : null };
                records[name] = new DeployedRecord
                {
                    Component = name, Artifact = plan.Artifact, DeploymentKey = plan.DeploymentKey, Fingerprint = plan.Fingerprint.Value, StartedBy = id, Loaded = plan.Loads, RunSettings = Settings[name],
                };
                started.Add($"{name}:{plan.Action.Text()}");
            }

            return started;
        }

        /// <summary>Every component that asks for it loaded the artifact of each dependency that is there now.</summary>
        public bool AllLoadedWhatIsThere() => components.Where(c => running.ContainsKey(c.Name)).All(c => c.Reconciles.All(d =>
            Workspace.Find(d)!.Reconciles.Count > 0 && Workspace.Find(d)!.Run is not null
            || records[c.Name].Loaded!.GetValueOrDefault(d) == Artifact(d, versions[d])));

        /// <summary>Of each component whether anything that it restarts for, near or far, is to be another than it loaded.</summary>
        public IReadOnlyDictionary<string, bool> Reachable()
        {
            var moved = new Dictionary<string, bool>();
            foreach (var component in Order.ByRollout(Workspace))
            {
                moved[component.Name] = Plan().Single(p => p.Name == component.Name) is { Action: not (ActionKind.Skip or ActionKind.Reconcile) }
                    || component.Reconciles.Any(d => moved[d] || (running.ContainsKey(component.Name) && records.TryGetValue(component.Name, out var r) && Differs(r, d)));
            }

            return moved;

            bool Differs(DeployedRecord record, string dependency) =>
                Workspace.Find(dependency) is { Run: not null, Reconciles.Count: > 0 } || record.Loaded!.GetValueOrDefault(dependency) != Artifact(dependency, versions[dependency]);
        }
    }
}
