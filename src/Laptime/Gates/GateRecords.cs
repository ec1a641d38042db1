using System.Text.Json;
using Laptime.Artifacts.Provenance;
using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Gates;

/// <summary>
/// The records of a sheet: files in the repository, so that they travel with it. Each is named by its content and never changed; one that was edited, or whose signature does
/// not fit, counts for nothing, and is told.
/// </summary>
/// <param name="sheet">Says where they lie.</param>
public sealed class GateRecords(GateSheet sheet, GateSignatures signatures)
{
    private const int MostBytes = 4 << 20;

    /// <summary>Larger files are known by their digest only.</summary>
    internal const long MostKept = 1 << 20;

    /// <summary>So much is kept with one claim.</summary>
    internal const long MostKeptTogether = 8 << 20;

    private string Folder => Path.Combine(sheet.Root, sheet.Records);

    /// <summary>The item's records: those that are whole, and those that count for nothing.</summary>
    public (IReadOnlyList<StoredRecord> Whole, IReadOnlyList<GateTrouble> Troubles) Of(string item)
    {
        var (whole, troubles) = (new List<StoredRecord>(), new List<GateTrouble>());
        var folder = Path.Combine(Folder, item);
        foreach (var file in Directory.Exists(folder) ? Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal) : Enumerable.Empty<string>())
        {
            if (RecordNames.Read(Path.GetFileName(file)) is not var (kind, digits))
            {
                continue;
            }

            var shown = $"{sheet.Records}/{item}/{Path.GetFileName(file)}";
            try
            {
                whole.Add(Read(file, shown, item, kind, digits));
            }
            catch (Exception e) when (e is JsonException or FormatException or IOException or UnauthorizedAccessException or InvalidOperationException)
            {
                troubles.Add(new GateTrouble(item, shown, e is FormatException ? e.Message : $"is no record: {e.Message}"));
            }
        }

        return (whole, troubles);
    }

    private StoredRecord Read(string file, string shown, string item, string kind, string digits)
    {
        if (new FileInfo(file).Length > MostBytes)
        {
            throw new FormatException("is larger than any record");
        }

        var bytes = File.ReadAllBytes(file);
        var digest = Digest.Of(bytes);
        if (digest.ToHex()[..RecordNames.Digits] != digits)
        {
            throw new FormatException($"was edited: its content is {digest.Short}, and its name says {digits[..12]} (git log -p -- {shown} shows the change)");
        }

        var record = GateRecord.Parse(bytes);
        if (record.Item != item || record.Kind != kind)
        {
            throw new FormatException($"is a {record.Kind} of {record.Item}, under another name");
        }

        if (record.Key is { } key && !(File.Exists(file + ".sig") && GateSignatures.Verify(key, bytes, File.ReadAllText(file + ".sig"))))
        {
            throw new FormatException(File.Exists(file + ".sig") ? "has a signature that does not fit" : "says that it is signed, and its signature is gone");
        }

        foreach (var kept in record.Evidence ?? [])
        {
            if (kept.Kept is { } copy && (!File.Exists(Path.Combine(Folder, copy)) || Digest.Of(File.ReadAllBytes(Path.Combine(Folder, copy))).ToString() != kept.Digest))
            {
                throw new FormatException($"has evidence that was changed or is gone: {sheet.Records}/{copy} ({kept.Path})");
            }
        }

        return new StoredRecord(digest, record, shown, signatures.NameOf(record.Key));
    }

    /// <summary>Writes a record, signed where there is a key, after <paramref name="before"/> was done with it.</summary>
    /// <param name="before">What has to happen first: the audit log's entry.</param>
    internal async Task<StoredRecord> AddAsync(GateRecord record, SigningKey? key, Func<StoredRecord, Task> before, CancellationToken cancel)
    {
        var (known, _) = Of(record.Item);
        record = record with { After = GateJudge.Heads(known), Key = key is null ? null : GateSignatures.Spki(key) };
        var bytes = record.ToBytes();
        var digest = Digest.Of(bytes);
        var name = RecordNames.Of(record, digest);
        var stored = new StoredRecord(digest, record, $"{sheet.Records}/{name}", signatures.NameOf(record.Key));
        var signature = key is null ? null : await GateSignatures.SignAsync(key, bytes, cancel).ConfigureAwait(false);
        await before(stored).ConfigureAwait(false);
        var file = Path.Combine(Folder, name);
        Write(file, () =>
        {
            if (signature is not null)
            {
                // First: a record that says it is signed is nothing without it.
                AtomicFile.Write(file + ".sig", signature);
            }

            AtomicFile.Write(file, bytes);
        });
        return stored;
    }

    /// <summary>Keeps a copy of a small file.</summary>
    /// <returns>Its name, relative to the folder of the records.</returns>
    internal string Keep(Digest digest, string path, byte[] content)
    {
        var name = RecordNames.OfEvidence(digest, path);
        var file = Path.Combine(Folder, name);
        Write(file, () => AtomicFile.Write(file, content));
        return name;
    }

    private static void Write(string file, Action write)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(new Fault(Outcome.GateFailed, $"the record cannot be written: {e.Message}", file, "make the folder writable, or free some disk space"), e);
        }
    }
}
