using System.Runtime.CompilerServices;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Laptime.Targets.Swarm;

namespace Laptime.Tests.Targets.Swarm;

/// <summary>The rule of convergence over what a real swarm (Docker 20.10) said, every distinct state of it in turn: recorded.ndjson.</summary>
public sealed class ConvergenceTests
{
    private static readonly ILookup<string, (SwarmService? Service, SwarmTask[] Tasks)> Recorded = Read();

    private static Converged Judge((SwarmService? Service, SwarmTask[] Tasks) snapshot) => Convergence.Judge(snapshot.Service, snapshot.Tasks, DateTimeOffset.MinValue);

    [Theory]
    [InlineData("create")]
    [InlineData("stop-first")]
    [InlineData("start-first")]
    public void It_says_yes_exactly_where_only_tasks_of_the_services_spec_live(string scenario)
    {
        foreach (var snapshot in Recorded[scenario])
        {
            var wanted = SpecText.OfTemplate(snapshot.Service!.Template);
            var alive = snapshot.Tasks.Where(t => !t.HasEnded).ToList();
            var only = alive.Count == 1 && alive[0] is { State: "running", DesiredState: "running" } && SpecText.OfTemplate(alive[0].Spec) == wanted;
            Assert.True(only == Judge(snapshot) is Converged.Yes, $"{only} {Judge(snapshot)}");
        }

        Assert.IsType<Converged.Yes>(Judge(Recorded[scenario].Last()));
    }

    [Fact]
    public void Counting_replicas_is_wrong_where_the_rule_is_right()
    {
        // "1/1", and what runs is the old one.
        var lying = Recorded["start-first"].Where(s => s.Tasks.Count(t => t is { State: "running", DesiredState: "running" }) == 1 && Judge(s) is Converged.NotYet).ToList();
        Assert.NotEmpty(lying);
    }

    [Fact]
    public void The_first_rejected_task_is_enough()
    {
        var failed = Recorded["missing-image"].Select(Judge).OfType<Converged.Failed>().First();
        Assert.Equal(ConvergenceFailure.Rejected, failed.Kind);
        Assert.Contains("No such image", failed.What);
        Assert.All(Recorded["missing-image"].Where(s => s.Tasks.All(t => t.State != "rejected")), s => Assert.IsType<Converged.NotYet>(Judge(s)));
    }

    [Fact]
    public void A_second_death_in_one_place_is_a_crash_loop_and_the_first_is_not()
    {
        foreach (var snapshot in Recorded["crash-loop"])
        {
            var deaths = snapshot.Tasks.Count(t => t.State == "failed");
            Assert.True(deaths >= Convergence.Generations == Judge(snapshot) is Converged.Failed { Kind: ConvergenceFailure.Died }, $"{deaths}: {Judge(snapshot)}");
        }

        Assert.Contains("exit code 7", ((Converged.Failed)Judge(Recorded["crash-loop"].Last())).What);
    }

    [Fact]
    public void A_paused_update_never_converges_although_it_has_stopped_changing()
    {
        var failed = Assert.IsType<Converged.Failed>(Judge(Recorded["paused"].Last()));
        Assert.Equal("paused", Recorded["paused"].Last().Service!.UpdateStatus!.State);
        Assert.True(failed.Kind is ConvergenceFailure.Paused or ConvergenceFailure.Died or ConvergenceFailure.Rejected, failed.What);
    }

    [Fact]
    public void What_the_engine_rolled_back_is_a_failure_although_every_task_serves()
    {
        var last = Recorded["rolled-back"].Last();
        Assert.Equal("rollback_completed", last.Service!.UpdateStatus!.State);
        Assert.Contains(last.Tasks, t => t is { State: "running", DesiredState: "running" });
        var failed = Assert.IsType<Converged.Failed>(Judge(last));
        Assert.Contains("3", failed.What);
    }

    [Fact]
    public void A_service_that_is_gone_has_failed() => Assert.Equal(ConvergenceFailure.Removed, ((Converged.Failed)Convergence.Judge(null, [], default)).Kind);

    [Fact]
    public void The_order_in_which_tasks_are_listed_does_not_matter()
    {
        var all = Recorded.SelectMany(static g => g).ToArray();
        Check.QuickThrowOnFailure(Prop.ForAll(Gen.Choose(0, all.Length - 1).ToArbitrary(), ArbMap.Default.ArbFor<int>(), (at, seed) =>
        {
            var shuffled = all[at].Tasks.ToArray();
            new Random(seed).Shuffle(shuffled);
            return Judge(all[at]).GetType() == Convergence.Judge(all[at].Service, shuffled, DateTimeOffset.MinValue).GetType();
        }));
    }

    [Fact]
    public void An_old_task_that_lives_or_a_new_one_that_is_missing_takes_the_yes_away()
    {
        var (service, tasks) = Recorded["stop-first"].Last();
        var old = Recorded["stop-first"].First().Tasks.First(t => t.State == "running");
        Assert.IsType<Converged.Yes>(Convergence.Judge(service, tasks, DateTimeOffset.MinValue));
        foreach (var state in (string[])["preparing", "starting", "running"])
        {
            Assert.Contains("old", Assert.IsType<Converged.NotYet>(Convergence.Judge(service, [.. tasks, old with { ID = "other", Status = old.Status with { State = state } }], DateTimeOffset.MinValue)).Why);
        }

        Assert.IsType<Converged.NotYet>(Convergence.Judge(service, [.. tasks.Where(t => t.HasEnded)], DateTimeOffset.MinValue));
    }

    [Fact]
    public void What_failed_before_the_change_is_of_no_interest()
    {
        var last = Recorded["crash-loop"].Last();
        Assert.IsType<Converged.NotYet>(Convergence.Judge(last.Service, last.Tasks, DateTimeOffset.MaxValue));
    }

    [Fact]
    public void A_network_that_is_on_its_way_is_no_reason_to_give_up_at_once()
    {
        var (service, tasks) = Recorded["missing-image"].First(s => s.Tasks.Any(t => t.State == "rejected"));
        SwarmTask[] passing = [.. tasks.Select(t => t with { Status = t.Status with { Err = "network shop_default not found" } })];
        Assert.IsType<Converged.NotYet>(Convergence.Judge(service, passing, DateTimeOffset.MinValue));
    }

    [Theory]
    [InlineData(2, true)]
    [InlineData(60, true)]
    [InlineData(100, false)]
    public void What_passes_may_come_again_and_again_for_a_while(int seconds, bool waits)
    {
        var (service, tasks) = Recorded["missing-image"].First(s => s.Tasks.Any(t => t.State == "rejected"));
        var one = tasks.First(t => t.State == "rejected");
        var since = one.CreatedAt;
        SwarmTask[] passing =
        [
            .. tasks.Where(t => t.State != "rejected"),
            .. Enumerable.Range(0, 4).Select(i => one with
            {
                ID = $"{one.ID}{i}", Status = one.Status with { Err = "network sandbox join failed: error creating vxlan interface: file exists", Timestamp = since.AddSeconds(seconds * (i + 1) / 4.0) },
            }),
        ];
        Assert.Equal(waits, Convergence.Judge(service, passing, since) is Converged.NotYet);
    }

    [Fact]
    public void Specs_are_equal_whatever_the_order_of_their_keys_and_but_for_the_runtime()
    {
        static string Text(string json) => SpecText.OfTemplate(JsonDocument.Parse(json).RootElement);
        Assert.Equal(Text("""{"A":1,"B":{"C":[1,2]}}"""), Text("""{"B":{"C":[1,2]},"A":1}"""));
        Assert.Equal(Text("""{"A":1,"Runtime":"container"}"""), Text("""{"A":1}"""));
        Assert.Equal(Text("""{"A":1,"R":{},"N":null}"""), Text("""{"A":1}"""));
        Assert.NotEqual(Text("""{"A":[1,2]}"""), Text("""{"A":[2,1]}"""));
        Assert.NotEqual(Text("""{"A":{"Runtime":1}}"""), Text("""{"A":{}}"""));
    }

    private static ILookup<string, (SwarmService?, SwarmTask[])> Read([CallerFilePath] string here = "") =>
        File.ReadLines(Path.Combine(Path.GetDirectoryName(here)!, "recorded.ndjson")).Select(static line => JsonDocument.Parse(line).RootElement).ToLookup(
            static e => e.GetProperty("scenario").GetString()!,
            static e => (e.GetProperty("service").Deserialize(SwarmJson.Default.SwarmService), e.GetProperty("tasks").Deserialize(SwarmJson.Default.SwarmTaskArray)!));
}
