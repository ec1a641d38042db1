using System.CommandLine;
using System.CommandLine.Completions;
using System.Text.Json;
using Laptime.Cli.Rendering;
using Laptime.Foundations;
using Laptime.Transactions.Stored;

namespace Laptime.Cli.Commands.Artifacts;

/// <summary>`lap artifacts`: what the stores hold, whether it is whole and trusted, and what may go.</summary>
internal static class ArtifactCommands
{
    internal static readonly Option<string> Which = Flag.Choice(
        "--store", "local: this workspace's own builds; shared: the store of laptime.yaml; auto: the shared one where there is one", "auto", ["auto", "local", "shared"]);

    private const string ReferenceHelp = "A component (its newest artifact), a tag, or the beginning of a digest or fingerprint";
    private static readonly Argument<string> One = new("REF") { HelpName = "REF", Description = ReferenceHelp, CompletionSources = { static _ => DeployFlags.ComponentNames() } };
    private static readonly Argument<string[]> Several = new("REF") { HelpName = "REF", Description = ReferenceHelp, Arity = ArgumentArity.ZeroOrMore, CompletionSources = { static _ => DeployFlags.ComponentNames() } };

    public static System.CommandLine.Command Group() => Verb.Group(
        "artifacts", "What was built and is kept: list, show, verify, prune; and the local registry.", List(), Show(), Verify(), PruneCommand.Make(), RegistryCommands.Group());

    private static System.CommandLine.Command List() => Verb.Make(
        "list", "The artifacts of a store: what, how big, built when, trusted or not, deployed where.", [Which],
        async session =>
        {
            var opened = await OpenedStore.OpenAsync(session, session.Arguments.GetValue(Which)!);
            var entries = await opened.ReadAsync();
            Console.Out.Write(session.Json
                ? JsonSerializer.Serialize(
                    new ArtifactList("laptime/artifacts/v1", opened.Report, RegistryWait.Of(opened.Registry), [.. entries.Select(ArtifactItem.Of)], opened.Deployments.Unread), ArtifactJson.Readable.ArtifactList) + "\n"
                : ArtifactView.List(entries, opened.Report, opened.Deployments.Unread, session.Clock.GetUtcNow(), session.Terminal));
            return 0;
        },
        "lap artifacts list", "lap artifacts list --store local -o json");

    private static System.CommandLine.Command Show() => Verb.Make(
        "show", "One artifact: its files, its provenance, where it is deployed. With -v every file.", [One, Which],
        async session =>
        {
            var opened = await OpenedStore.OpenAsync(session, session.Arguments.GetValue(Which)!);
            var entries = await opened.ReadAsync();
            var entry = ArtifactReference.Find(entries, session.Arguments.GetValue(One)!, opened.Store.Name);
            var layers = await ArtifactFiles.ReadAsync(opened.Store, entry, session.Shutdown.Token);
            var tags = entries.Where(e => e.Artifact == entry.Artifact).Select(e => e.Tag).OfType<string>().ToList();
            var document = new ArtifactDocument("laptime/artifact/v1", opened.Report, RegistryWait.Of(opened.Registry), ArtifactItem.Of(entry), tags, layers, ArtifactFiles.ProvenanceOf(entry));
            Console.Out.Write(session.Json
                ? JsonSerializer.Serialize(document, ArtifactJson.Readable.ArtifactDocument) + "\n"
                : ArtifactView.One(document, session.Clock.GetUtcNow(), session.Terminal, session.Verbose));
            return 0;
        },
        "lap artifacts show gateway", "lap artifacts show 1a2b3c4d -v", "lap artifacts show gateway --store local -o json");

    private static System.CommandLine.Command Verify() => Verb.Make(
        "verify",
        "Read every byte of artifacts and their attestations, and ask the trust rules. Each is verified (or intact: an own build, which needs no provenance), or it is refused: missing, expired, untrusted, tampered, dirty-tree. Exit code 0, or 21 when one is refused.",
        [Several, Which],
        async session =>
        {
            var opened = await OpenedStore.OpenAsync(session, session.Arguments.GetValue(Which)!);
            var entries = await opened.ReadAsync();
            if (session.Arguments.GetValue(Several) is { Length: > 0 } named)
            {
                entries = [.. named.Select(n => ArtifactReference.Find(entries, n, opened.Store.Name)).DistinctBy(e => e.Id)];
            }

            var check = new ArtifactCheck(opened.Store, opened.IsShared);
            var results = new List<CheckedArtifact>();
            foreach (var entry in entries)
            {
                results.Add(await check.RunAsync(entry, session.Shutdown.Token));
            }

            var outcome = results.TrueForAll(r => r.IsGood) ? Outcome.Ok : Outcome.GuardrailRefused;
            Console.Out.Write(session.Json
                ? JsonSerializer.Serialize(
                    new VerifyDocument("laptime/artifacts-verify/v1", opened.Report, RegistryWait.Of(opened.Registry), outcome.Name, outcome.ExitCode, [.. results.Select(Item)]), ArtifactJson.Readable.VerifyDocument) + "\n"
                : ArtifactView.Verified(results, opened.Report, session.Terminal));
            return outcome.ExitCode;
        },
        "lap artifacts verify", "lap artifacts verify gateway catalog", "lap artifacts verify --store local");

    private static VerifyItem Item(CheckedArtifact r) => new(
        r.Entry.Id.ToString(), r.Entry.Component, r.Entry.Fingerprint.IsNone ? null : r.Entry.Fingerprint.ToString(), r.Entry.Artifact.ToString(), r.Status, r.Detail, r.Mend,
        [.. r.Damaged.Select(d => new DamageReport(d.Digest.ToString(), d.Where, d.What))]);
}
