using System.CommandLine;
using System.Globalization;
using Laptime.Artifacts;
using Laptime.Artifacts.Provenance;
using Laptime.Audit;
using Laptime.Cli.Rendering;
using Laptime.Foundations;
using Laptime.Guardrails;

namespace Laptime.Cli.Commands;

/// <summary>`lap audit`: what was done to safe environments, by whom; and whether that record was touched.</summary>
internal static class AuditCommands
{
    private static readonly Option<int> Number = Flag.Number("--number", "How many of the newest entries", 20, 1, "-n");
    private static readonly Option<bool> Here = Flag.Switch("--here", "Ask no store for what it pins of the log");

    public static Command Group() => Verb.Group("audit", "The audit log: what was asked of safe environments, allowed, refused, overridden and done, each line chained to the one before.", List(), VerifyCommand());

    private static Command List() => Verb.Make(
        "list", "The newest entries.", [Number],
        session =>
        {
            var entries = Safety.LogOf(session).Read();
            Console.Out.Write(AuditView.List([.. entries.TakeLast(session.Arguments.GetValue(Number)).Reverse()], entries.Count, session.Terminal));
            return Task.FromResult(0);
        },
        "lap audit list", "lap audit list -n 100 -o json");

    private static Command VerifyCommand() => Verb.Make(
        "verify", "Check the log: edited, removed and reordered lines, a cut tail, a chain written anew; and say what cannot be seen. Exit code 21 when something was touched.", [Here],
        async session =>
        {
            var safety = new Safety(session);
            var keys = safety.Keys();
            var (pinned, unasked) = session.Arguments.GetValue(Here) ? ([], null) : await PinnedAsync(session, keys, session.Shutdown.Token);
            var verdict = AuditCheck.Of(safety.Log, keys, pinned);
            if (unasked is not null)
            {
                verdict = verdict with { Blind = [unasked, .. verdict.Blind] };
            }

            Console.Out.Write(AuditView.Verdict(verdict, safety.Log.Path, session.Terminal));
            return verdict.IsWhole ? 0 : Outcome.GuardrailRefused.ExitCode;
        },
        "lap audit verify", "lap audit verify --here -o json");

    /// <summary>Heads of the log in signed statements of the artifact store: provenance and verification summaries. Only what a known key signed counts.</summary>
    private static async Task<(IReadOnlyList<AuditCheckpoint> Pinned, string? Unasked)> PinnedAsync(Session session, IReadOnlyList<VerificationKey> keys, CancellationToken cancel)
    {
        var pinned = new List<AuditCheckpoint>();
        try
        {
            foreach (var tag in (await session.Shared.ListTagsAsync(cancel)).Where(t => t.StartsWith("att-", StringComparison.Ordinal) || t.StartsWith("vsa-", StringComparison.Ordinal)))
            {
                if (await session.Shared.GetManifestAsync(tag, cancel) is { } manifest && Pin(manifest.Bytes, keys) is { } head)
                {
                    pinned.Add(new AuditCheckpoint(head, Created(manifest.Bytes), $"{tag[..Math.Min(tag.Length, 40)]} in {session.Shared.Name}"));
                }
            }
        }
        catch (StoreException e)
        {
            return (pinned, string.Create(CultureInfo.InvariantCulture, $"what {session.Shared.Name} pins of the log: {e.Fault.What}"));
        }

        return (pinned, null);
    }

    /// <summary>When it was signed, as the manifest says: for the message only.</summary>
    private static DateTimeOffset Created(ReadOnlyMemory<byte> manifest) =>
        System.Text.Json.Nodes.JsonNode.Parse(manifest.Span)?["annotations"]?["org.opencontainers.image.created"] is { } created && DateTimeOffset.TryParse((string?)created, CultureInfo.InvariantCulture, out var at) ? at : default;

    private static AuditHead? Pin(ReadOnlyMemory<byte> manifest, IReadOnlyList<VerificationKey> keys)
    {
        try
        {
            var envelope = SigstoreBundle.Parse(Attestation.Parse(manifest).Bundle).Envelope;
            return envelope.Signatures is [var signature] && keys.Any(k => k.Verify(envelope.PreAuthentication(), signature.Bytes))
                ? VerificationSummary.PinnedIn(envelope.Payload) ?? Statement.Parse(envelope.Payload).Audit
                : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
