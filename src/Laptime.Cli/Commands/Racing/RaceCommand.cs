using System.CommandLine;
using System.CommandLine.Completions;
using System.Globalization;
using Laptime.Cli.Rendering;
using Laptime.Foundations;
using Laptime.Measurement;
using Laptime.Transactions;
using Laptime.Workspaces;

namespace Laptime.Cli.Commands.Racing;

/// <summary>`lap baseline race`: the verdict to trust, because whatever the machine does, it does to both sides.</summary>
internal static class RaceCommand
{
    private static readonly Argument<string> A = new("A") { Description = "What was: " + RaceSide.Grammar, CompletionSources = { static _ => Sides() } };
    private static readonly Argument<string> B = new("B") { Description = "What is compared with it, named the same way", CompletionSources = { static _ => Sides() } };
    private static readonly Argument<string> ScenarioText = new("SCENARIO")
    {
        Description = "What each run does: " + Scenario.Words, HelpName = "SCENARIO", CompletionSources = { static context => BaselineCommands.ScenarioWords(context.WordToComplete) },
    };

    private static readonly Option<int> Number = Flag.Number("--pairs", "How many pairs: 20 find a change of about 30 %, 50 to 80 one of 10 %", 20, 1, "-n");
    private static readonly Option<string?> Seed = Flag.Text("--seed", "Decides which side of each pair runs first (default: a new one, which is printed)", "N");
    private static readonly Option<string?> Folder = Flag.Text("--folder", "Where the two checkouts are put while it runs (default: the temporary folder)", "DIR");
    private static readonly Argument<string?> Id = new("RACE") { Description = "One of them: its id, the beginning of one, or `last`", Arity = ArgumentArity.ZeroOrOne };

    public static Command Make() => Verb.Make(
        "race", "Run two revisions or two settings in turn, in random order within pairs, and judge the pairs.",
        [A, B, ScenarioText, DeployFlags.Components, Number, Seed, .. CompareCommand.Flags, DeployFlags.Profile, Folder],
        RunAsync,
        "lap baseline race main . warm                            the last commit of main against what you have now",
        "lap baseline race v1.4 v1.5 full -n 50                   two tags, with packaging, checks and rollout",
        "lap baseline race HEAD~1 HEAD edit:src/gateway/Cart.cs   one edit, deployed again and again",
        "lap baseline race profile:fast profile:release cold      two profiles of the working tree",
        "lap baseline race . var:DOTNET_TieredPGO=0 full          as it is, and with an environment variable",
        "lap baseline race main . warm --fail-on worse            for CI: 16 when it became slower, 17 when nothing can be said");

    public static Command List() => Verb.Make(
        "races", "The races of this workspace, the newest first; with a RACE, its verdict again.", [Id, .. CompareCommand.Flags],
        session =>
        {
            using var journal = session.OpenJournalForReading() ?? throw new LapException("nothing was measured here yet", session.Workspace.Root, "lap baseline race main . warm");
            var store = new RaceStore(journal);
            if (session.Arguments.GetValue(Id) is { } id)
            {
                var race = store.Find(id);
                return Task.FromResult(Tell(session, race, race.Compare(CompareCommand.JudgingOf(session))));
            }

            RaceView.List(store.All(), session.Terminal, Console.Out);
            return Task.FromResult(0);
        },
        "lap baseline races", "lap baseline races last -o json");

    /// <summary>What a killed race left is removed before anything else is done here: it may still hold the ports.</summary>
    public static async Task SweepAsync(Session session)
    {
        try
        {
            if (RaceGround.IsLeft(session.Folder) && await RaceGround.SweepAsync(session.Folder, session.Runner, root => RaceLane.StopAsync(session, root), session.Shutdown.Token))
            {
                Console.Error.WriteLine("lap: a race that was killed is cleaned up: its checkouts, and what ran in them, are gone");
            }
        }
        catch (FaultException e)
        {
            // It is tried again the next time, and must not stand between anybody and a deploy meanwhile.
            Verb.Explain([new Problem($"a race that was killed cannot be cleaned up: {e.Fault.What}", e.Fault.Where, e.Fault.Mend)], e.Fault.Tail);
        }
    }

    private static async Task<int> RunAsync(Session session)
    {
        var arguments = session.Arguments;
        var (sideA, sideB) = (RaceSide.Parse(arguments.GetValue(A)!), RaceSide.Parse(arguments.GetValue(B)!));
        RaceSide.Check(sideA, sideB);
        CheckFlags(arguments, sideA, sideB);
        var judging = CompareCommand.JudgingOf(session);
        _ = CompareCommand.OutcomeOf(session, Verdict.NoEvidence);
        var scenario = Scenario.Parse(arguments.GetValue(ScenarioText)!, session.Workspace.Root, Session.Here());
        var pairs = arguments.GetValue(Number);
        var seed = ParseSeed(arguments.GetValue(Seed));
        var cancel = session.Shutdown.Token;
        await session.UndoAbandonedAsync();
        session.Folder.Create();
        using var taken = new UndoLog(session.Workspace.Root).TryTake()
            ?? throw new LapException("another measurement runs in this workspace", session.Workspace.Root, "wait for it: two at once would measure each other");
        CheckPorts(session.Workspace.Components.Where(c => c.Run?.Port is not null).Select(c => (c.Run!.Port!.Value, c.Name)));

        using var view = new RaceView(session.Terminal, session.Clock, Console.Error);
        view.Say($"race: A {sideA.Text}, B {sideB.Text}; {scenario.Text}; {pairs} {(pairs == 1 ? "pair" : "pairs")}, order from --seed {seed}");
        view.Say(RacePlan.Finds(pairs, judging));
        using var journal = session.OpenJournal();
        var store = new RaceStore(journal);
        Race? race = null;
        var ended = "complete";
        try
        {
            view.Doing("checking out both sides");
            await using var ground = await RaceGround.OpenAsync(
                session.Folder, arguments.GetValue(Folder) is { } folder ? Path.GetFullPath(folder, Session.Here()) : Path.GetTempPath(), session.Runner,
                root => RaceLane.StopAsync(session, root), cancel);
            var (a, b) = (await LaneAsync(session, ground, "a", sideA, scenario, cancel), await LaneAsync(session, ground, "b", sideB, scenario, cancel));
            CheckPorts(a.Ports.Concat(b.Ports).Distinct());
            race = new Race
            {
                Id = RecordId.New("ra", session.Clock.GetUtcNow()), Workspace = session.Workspace.Name, At = session.Clock.GetUtcNow(), Scenario = scenario.Text, A = a.Racer, B = b.Racer,
                Components = arguments.GetValue(DeployFlags.Components) ?? [], Requested = pairs, Seed = seed, Machine = MachineReport.Here(), Lap = Session.Version,
            };
            try
            {
                await WarmUpAsync(view, a, b, pairs, cancel);
                store.Save(race);
                foreach (var aFirst in PairOrder.Of(seed, pairs))
                {
                    view.Begin(race.Pairs.Count + 1, pairs);
                    var first = await (aFirst ? a : b).RunAsync(cancel);
                    var second = await (aFirst ? b : a).RunAsync(cancel);
                    var pair = new RacePair(race.Pairs.Count + 1, aFirst, aFirst ? first : second, aFirst ? second : first);
                    store.Add(race, pair);
                    race = race with { Pairs = [.. race.Pairs, pair] };
                    view.End(pair, pairs);
                }
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                ended = "interrupted";
            }
            catch (FaultException e) when (race.Pairs.Count > 0)
            {
                (ended, race) = ("failed", race with { Reason = e.Fault.What });
                store.Save(race with { Ended = ended });
                view.Say($"{race.Pairs.Count} of {pairs} pairs are kept: lap baseline races {race.Id}");
                throw;
            }

            view.Doing("stopping both sides and removing the checkouts");
        }
        finally
        {
            view.Dispose();
        }

        if (race.Pairs.Count == 0)
        {
            throw new OperationCanceledException(cancel);
        }

        race = race with { Ended = ended };
        store.Save(race);
        return Tell(session, race, race.Compare(judging));
    }

    private static async Task<RaceLane> LaneAsync(Session session, RaceGround ground, string name, RaceSide side, Scenario scenario, CancellationToken cancel)
    {
        var (root, commit) = await ground.CheckOutAsync(name, side, cancel);
        return new RaceLane(session, name.ToUpperInvariant(), side, root, commit, scenario);
    }

    /// <summary>Both sides are built once, and one pair is run that does not count: it shows that the scenario works on both, and how long a pair takes.</summary>
    private static async Task WarmUpAsync(RaceView view, RaceLane a, RaceLane b, int pairs, CancellationToken cancel)
    {
        foreach (var lane in new[] { a, b })
        {
            view.Doing($"building and deploying {lane.Letter} ({lane.Racer.Text}) for the first time");
            await lane.BringUpAsync(cancel);
            await lane.BringDownAsync(cancel);
        }

        view.Doing("one pair to warm up, which does not count");
        view.Begin(0, pairs);
        await a.RunAsync(cancel);
        await b.RunAsync(cancel);
        view.WarmedUp(pairs);
    }

    /// <summary>As every comparison is told; an interrupted race ends as interrupted, whatever its pairs say.</summary>
    private static int Tell(Session session, Race race, ComparisonDocument document)
    {
        var stopped = race.Ended == "interrupted" && session.Shutdown.Token.IsCancellationRequested;
        var outcome = stopped ? session.Shutdown.Outcome : CompareCommand.OutcomeOf(session, document.Interval.Verdict);
        var code = CompareCommand.Tell(session, document with { Outcome = outcome.Name, ExitCode = outcome.ExitCode });
        if (!session.Json && !session.Arguments.GetValue(CompareCommand.AsMarkdown))
        {
            Console.Out.Write(RaceView.Footer(race, session.Terminal));
        }

        return code;
    }

    private static void CheckFlags(ParseResult arguments, RaceSide a, RaceSide b)
    {
        if ((a is RaceSide.InEnvironment && b is RaceSide.InEnvironment) && arguments.GetValue(Global.Environment) is not null)
        {
            throw new LapException("--env and env:NAME contradict each other", null, "give one of them");
        }

        if ((a is RaceSide.Profile && b is RaceSide.Profile) && arguments.GetValue(DeployFlags.Profile) is not null)
        {
            throw new LapException("--profile and profile:NAME contradict each other", null, "give one of them");
        }
    }

    private static void CheckPorts(IEnumerable<(int Port, string Component)> ports)
    {
        var taken = ports.Where(p => RaceLane.IsTaken(p.Port)).Select(p => new Problem(
            $"port {p.Port} of {p.Component} is in use", Where: null, "both sides serve on the workspace's own ports, one after the other: stop what runs there (lap down), then race again")).ToList();
        if (taken.Count > 0)
        {
            throw new LapException(taken);
        }
    }

    private static int ParseSeed(string? text) => text is null ? Random.Shared.Next(1, 1_000_000)
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seed) ? seed : throw new LapException($"--seed {text}: a whole number", null, "such as --seed 42");

    /// <summary>For completion: the settings of laptime.yaml, and the branches that are files.</summary>
    private static IEnumerable<CompletionItem> Sides()
    {
        var found = new List<string> { "." };
        try
        {
            if (WorkspaceFile.Find(Session.Here()) is { } file)
            {
                var workspace = WorkspaceFile.Load(file, Environment.GetEnvironmentVariable);
                found.AddRange(workspace.Profiles.Select(p => "profile:" + p.Name));
                found.AddRange(workspace.Environments.Select(e => "env:" + e.Name));
                for (var folder = new DirectoryInfo(workspace.Root); folder is not null; folder = folder.Parent)
                {
                    var heads = Path.Combine(folder.FullName, ".git", "refs", "heads");
                    if (Directory.Exists(heads))
                    {
                        found.AddRange(Directory.EnumerateFiles(heads, "*", SearchOption.AllDirectories).Select(h => Path.GetRelativePath(heads, h).Replace('\\', '/')));
                        break;
                    }
                }
            }
        }
        catch (LapException)
        {
            // Completion has nothing to say about a file that does not load.
        }

        return [.. found.Select(f => new CompletionItem(f))];
    }
}
