using Laptime.Artifacts.Provenance;
using Laptime.Foundations;

namespace Laptime.Gates;

/// <summary>The keys of a repository with gates: public halves in <c>keys/</c>, private ones in <c>.laptime/keys/</c>, as `lap keys create` makes them. No laptime.yaml is needed.</summary>
/// <param name="root">Folder of gates.yaml.</param>
public sealed class GateSignatures(string root)
{
    private const string PayloadType = "application/vnd.laptime.gate-record.v1+json";

    /// <summary>It signs the audit log's checkpoints, and nothing else.</summary>
    private const string AuditKey = "audit";

    private readonly List<(string Name, string Spki)> known = Known(root);

    /// <summary>Null: there is none, and records are not signed.</summary>
    /// <param name="file">A key that was asked for; absolute.</param>
    /// <exception cref="LapException">It is no key, or nobody can tell which one is meant.</exception>
    public SigningKey? Open(string? file)
    {
        if (file is not null)
        {
            return SigningKey.FromFile(file);
        }

        var folder = new WorkspaceFolder(root).Path;
        folder = Path.Combine(folder, "keys");
        var keys = Directory.Exists(folder)
            ? Directory.EnumerateFiles(folder, "*.key").Where(k => Path.GetFileNameWithoutExtension(k) != AuditKey).Order(StringComparer.Ordinal).ToList()
            : [];
        return keys switch
        {
            [] => null,
            [var only] => SigningKey.FromFile(only),
            _ when keys.Find(k => Path.GetFileNameWithoutExtension(k) == KeyRing.DefaultName) is { } standard => SigningKey.FromFile(standard),
            _ => throw new LapException($"there are several keys: {string.Join(", ", keys.Select(Path.GetFileNameWithoutExtension))}", folder, "say which: --key .laptime/keys/NAME.key"),
        };
    }

    /// <summary>The name of a public key in keys/; null: it is not there.</summary>
    public string? NameOf(string? spki) => spki is null ? null : known.FirstOrDefault(k => k.Spki == spki).Name;

    internal static string Spki(SigningKey key) => Convert.ToBase64String(key.Public.Spki);

    internal static async Task<string> SignAsync(SigningKey key, byte[] record, CancellationToken cancel) =>
        Convert.ToBase64String(await key.SignAsync(DsseEnvelope.PreAuthentication(PayloadType, record), cancel).ConfigureAwait(false)) + "\n";

    /// <summary>Whether the holder of the key signed these bytes. False for anything that is no key or no signature, too.</summary>
    internal static bool Verify(string spki, byte[] record, string signature)
    {
        try
        {
            using var key = VerificationKey.Parse($"-----BEGIN PUBLIC KEY-----\n{spki}\n-----END PUBLIC KEY-----\n", "the record's key");
            return key.Verify(DsseEnvelope.PreAuthentication(PayloadType, record), Convert.FromBase64String(signature.Trim()));
        }
        catch (Exception e) when (e is LapException or FormatException)
        {
            return false;
        }
    }

    private static List<(string Name, string Spki)> Known(string root)
    {
        var found = new List<(string, string)>();
        var folder = Path.Combine(root, "keys");
        foreach (var file in Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*.pub").Order(StringComparer.Ordinal) : Enumerable.Empty<string>())
        {
            try
            {
                using var key = VerificationKey.Load(file);
                found.Add((Path.GetFileNameWithoutExtension(file), Convert.ToBase64String(key.Spki)));
            }
            catch (LapException)
            {
                // A damaged file is no key: what it signed is then signed by nobody that is known here. `lap keys list` says what is wrong with it.
            }
        }

        return found;
    }
}
