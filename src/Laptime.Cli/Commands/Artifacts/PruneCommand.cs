using System.CommandLine;
using System.Text.Json;
using Laptime.Artifacts;
using Laptime.Cli.Rendering;
using Laptime.Foundations;
using Laptime.Transactions.Stored;

namespace Laptime.Cli.Commands.Artifacts;

/// <summary>`lap artifacts prune`.</summary>
internal static class PruneCommand
{
    private const int StandardKeep = 5;

    /// <summary>Others may use a shared store whose deployments are not known here: what is younger stays unless it is asked for.</summary>
    private static readonly TimeSpan SharedAge = TimeSpan.FromDays(30);

    private static readonly Option<bool> Yes = Flag.Switch("--yes", "Do it; without it nothing is removed");
    private static readonly Option<int> Keep = Flag.Number("--keep", "So many of the newest stay, of each component under each profile", StandardKeep, 0);
    private static readonly Option<string?> OlderThan = Flag.Text("--older-than", "Only what is older, such as 30d (default: of any age; in a shared store 30d)", "DURATION");

    public static System.CommandLine.Command Make() => Verb.Make(
        "prune",
        "Remove artifacts that nobody needs. What is deployed in any environment stays, and every rollback target, what these were built with, and attestations whose subject stays. Without --yes it only says what would go.",
        [Yes, Keep, OlderThan, ArtifactCommands.Which, DeployFlags.LockTimeout],
        RunAsync,
        "lap artifacts prune                        what would go",
        "lap artifacts prune --yes --keep 2",
        "lap artifacts prune --older-than 30d --store shared --yes");

    private static async Task<int> RunAsync(Session session)
    {
        var (arguments, cancel) = (session.Arguments, session.Shutdown.Token);
        var age = AgeOf(arguments.GetValue(OlderThan));
        var opened = await OpenedStore.OpenAsync(session, arguments.GetValue(ArtifactCommands.Which)!);
        var rules = new PruneRules(arguments.GetValue(Keep), age ?? (opened.IsShared ? SharedAge : null), opened.IsShared);
        var doIt = arguments.GetValue(Yes);
        var pruner = new Pruner(opened.Store);

        // Alone from before the plan until after the removal: what a deploy found stays until that deploy has ended.
        using var alone = doIt && opened.Store is OciLayoutStore layout ? await layout.AloneAsync(DeployFlags.LockTimeoutOf(session), cancel) : null;
        if (doIt)
        {
            await opened.RefreshAsync();
        }

        var now = session.Clock.GetUtcNow();
        var entries = await opened.ReadAsync();
        var plan = await pruner.PlanAsync(rules.Decide(entries, opened.Deployments, session.Workspace, now), opened.Deployments.All.Select(d => d.Artifact).Concat(opened.Deployments.Used), cancel);
        if (doIt)
        {
            await pruner.RunAsync(plan, cancel);
        }

        var document = new PruneDocument(
            "laptime/artifacts-prune/v1", opened.Report, RegistryWait.Of(opened.Registry), Outcome.Ok.Name, Outcome.Ok.ExitCode, !doIt,
            [.. plan.Decisions.Where(d => d.Goes).Select(Item)], [.. plan.Decisions.Where(d => !d.Goes).Select(Item)], plan.Attestations, plan.Blobs.Count, plan.Leftovers.Count, plan.Bytes,
            Notes(opened, plan));
        Console.Out.Write(session.Json ? JsonSerializer.Serialize(document, ArtifactJson.Readable.PruneDocument) + "\n" : ArtifactView.Pruned(document, now, session.Terminal, session.Verbose));
        return 0;
    }

    private static IReadOnlyList<string> Notes(OpenedStore opened, PrunePlan plan) =>
    [
        .. opened.Deployments.Unread.Select(u => $"environment {u}; what was deployed there stays"),
        .. plan.Note is { } note ? (string[])[note] : [],
        .. opened.IsShared ? (string[])["the deployments of this workspace are known here, not those of others that use the store"] : [],
        .. opened.IsShared && opened.Store is OciRegistryStore && plan.Going.Any() ? (string[])["a registry frees the space when it collects its garbage: docker-registry garbage-collect CONFIG"] : [],
    ];

    private static TimeSpan? AgeOf(string? text) => text is null ? null
        : Duration.TryParse(text, out var age) ? age : throw new LapException($"--older-than {text} is no duration", null, "give a number with its unit, such as 30d or 12h");

    private static PruneItem Item(PruneDecision d) => new(d.Entry.Id.ToString(), d.Entry.Component, d.Entry.Artifact.ToString(), d.Entry.Size, d.Entry.BuiltAt, d.Entry.Profile, d.Why);
}
