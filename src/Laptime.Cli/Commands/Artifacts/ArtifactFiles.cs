using System.Formats.Tar;
using Laptime.Artifacts;
using Laptime.Artifacts.Provenance;
using Laptime.Cli.Rendering;
using Laptime.Foundations;
using Laptime.Transactions.Stored;

namespace Laptime.Cli.Commands.Artifacts;

/// <summary>What is inside an artifact, read from its layers.</summary>
internal static class ArtifactFiles
{
    /// <summary>The layers with their files. An image's layers are compressed: they are named, not opened.</summary>
    public static async Task<IReadOnlyList<LayerReport>> ReadAsync(ArtifactStore store, ArtifactEntry entry, CancellationToken cancel)
    {
        var layers = new List<LayerReport>();
        foreach (var blob in entry.Manifests.Where(m => !m.IsIndex).SelectMany(m => m.Blobs.Skip(1)))
        {
            layers.Add(new LayerReport(blob.Digest.ToString(), blob.MediaType, blob.Size, blob.MediaType == OciManifest.LayerType ? await FilesAsync(store, blob, cancel) : null));
        }

        return layers;
    }

    public static ProvenanceReport? ProvenanceOf(ArtifactEntry entry) => entry.Claim is not { } c ? null : new ProvenanceReport(
        entry.Trust is TrustVerdict.Trusted, c.Source.Event, c.Source.Repository, c.Source.Ref, c.Source.Commit, c.Source.CommittedAt, c.Builder, c.Invocation, c.Started, c.Finished, c.Profile,
        c.Loop.ToString().ToLowerInvariant(), c.Dirty, c.InputCount, c.LapVersion,
        [.. c.Steps.Select(s => new StepReport(s.Name, s.Kind.ToString().ToLowerInvariant(), s.Seconds, s.Cache, s.Tool))], [.. c.Uses.Select(u => new UsedReport(u.Component, u.Artifact.ToString()))]);

    private static async Task<IReadOnlyList<FileReport>?> FilesAsync(ArtifactStore store, Descriptor layer, CancellationToken cancel)
    {
        var files = new List<FileReport>();
        try
        {
            var stream = await store.OpenBlobAsync(layer, cancel);
            await using (stream)
            {
                var reader = new TarReader(stream, leaveOpen: true);
                await using (reader)
                {
                    while (await reader.GetNextEntryAsync(copyData: false, cancel) is { } entry)
                    {
                        if (entry.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.SymbolicLink)
                        {
                            files.Add(new FileReport(entry.Name, entry.Length, (entry.Mode & UnixFileMode.UserExecute) != 0, entry.EntryType == TarEntryType.SymbolicLink ? entry.LinkName : null));
                        }
                    }
                }
            }

            return files;
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or FormatException or StoreException { Failure: StoreFailure.Damaged or StoreFailure.Absent })
        {
            // `verify` says what is wrong with it.
            return null;
        }
    }
}
