using Laptime.Artifacts;
using Laptime.Artifacts.Provenance;
using Laptime.Fingerprints;
using Laptime.Guardrails;
using Laptime.Transactions;

namespace Laptime.Cli.Commands;

/// <summary>The verification summaries of a promotion: one for each artifact, beside its report, and with the artifact in the shared store.</summary>
internal sealed class SummaryFiles(Session session, Safety safety)
{
    /// <summary>Writes them, for a refusal too. Without a key the statement itself is kept, and nothing goes to the store.</summary>
    public async Task WriteAsync(TransactionDocument document, CancellationToken cancel)
    {
        using var key = safety.Key();
        var policy = Path.GetRelativePath(session.Workspace.Root, session.Workspace.File).Replace('\\', '/');
        foreach (var component in document.Components.Where(c => c.Artifact is not null))
        {
            var statement = new VerificationSummary
            {
                Component = component.Name, Artifact = Digest.Parse(component.Artifact!), Verifier = $"urn:laptime:{Session.Version}:{Uri.EscapeDataString(Environment.MachineName)}", At = session.Clock.GetUtcNow(),
                Resource = $"urn:laptime:{document.Workspace}:{document.Environment}:{component.Name}", Policy = (policy, Digest.Of(File.ReadAllBytes(session.Workspace.File))),
                Inputs = [.. (document.Guardrails ?? []).SelectMany(g => g.Attestations ?? []).Where(a => a.Component is null || a.Component == component.Name).Distinct()],
                Passed = document.ExitCode == 0, Transaction = document.Id, From = document.PromotedFrom, Guardrails = document.Guardrails ?? [], Audit = safety.Log.Head(),
            }.ToStatement();
            if (key is null)
            {
                await File.WriteAllBytesAsync(FileOf(document.Id, component.Name, "vsa.unsigned.json"), statement, cancel);
                continue;
            }

            var bundle = await VerificationSummary.SignAsync(statement, key, cancel);
            await File.WriteAllBytesAsync(FileOf(document.Id, component.Name, "vsa.json"), bundle, cancel);
            if (await FindAsync(Digest.Parse(component.Artifact!), cancel) is { } subject)
            {
                try
                {
                    await StoreAsync(bundle, subject, $"vsa-{document.Id}-{component.Name}", cancel);
                }
                catch (StoreException e)
                {
                    Console.Error.WriteLine($"lap: the verification summary of {component.Name} is only beside the report: {e.Fault.What}");
                }
            }
        }

        if (key is null && !session.Quiet)
        {
            Console.Error.WriteLine("lap: the verification summaries are not signed: there is no key (`lap keys create audit`)");
        }
    }

    private string FileOf(string transaction, string component, string ending) => Path.Combine(session.Folder.Reports, $"{transaction}.{component}.{ending}");

    private async Task<Descriptor?> FindAsync(Digest artifact, CancellationToken cancel)
    {
        try
        {
            return (await session.Shared.GetManifestAsync(artifact, cancel))?.Descriptor;
        }
        catch (StoreException)
        {
            return null;
        }
    }

    private async Task StoreAsync(byte[] bundle, Descriptor subject, string tag, CancellationToken cancel)
    {
        var attestation = Attestation.Of(bundle, subject, VerificationSummary.PredicateType, session.Clock.GetUtcNow());
        foreach (var (blob, content) in attestation.Blobs)
        {
            await session.Shared.PutBlobAsync(blob.MediaType, content, cancel);
        }

        await session.Shared.PutManifestAsync(StoredManifest.Read(attestation.Manifest, OciManifest.MediaType, session.Shared.Name), [tag], cancel);
    }
}
