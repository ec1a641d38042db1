using System.Security.Cryptography;
using Laptime.Foundations;

namespace Laptime.Artifacts.Provenance;

/// <summary>A public key (ECDSA P-256): SPKI in a PEM file, as cosign and openssl write it. Safe for use from several threads.</summary>
public sealed class VerificationKey : IDisposable
{
    private const string P256 = "1.2.840.10045.3.1.7";
    private readonly Lock gate = new();
    private readonly ECDsa key;

    private VerificationKey(ECDsa key)
    {
        this.key = key;
        Spki = key.ExportSubjectPublicKeyInfo();
        Hint = Convert.ToBase64String(SHA256.HashData(Spki));
    }

    /// <summary>The key as DER.</summary>
    public byte[] Spki { get; }

    /// <summary>base64(SHA-256(SPKI)): names the key in bundles and envelopes.</summary>
    public string Hint { get; }

    /// <summary>The key as the file has it.</summary>
    public string Pem => PemEncoding.WriteString("PUBLIC KEY", Spki) + "\n";

    /// <param name="file">Absolute.</param>
    /// <param name="name">The file as messages name it; null: as it is.</param>
    /// <param name="where">What names the file, for messages; null: the file itself.</param>
    /// <exception cref="LapException">There is no such file, or it is no such key.</exception>
    public static VerificationKey Load(string file, string? name = null, string? where = null)
    {
        name ??= file;
        try
        {
            return new FileInfo(file) is { Exists: true, Length: > 1 << 16 }
                ? throw new LapException($"{name} is no public key: it is too long for one", where ?? name, Cure)
                : Parse(File.ReadAllText(file), name, where);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new LapException($"the public key {name} does not exist", where ?? name, "`lap keys create` makes a pair; commit the public key, or correct the path");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LapException($"the public key {name} cannot be read: {e.Message}", where ?? name, "make it a file that this user can read");
        }
    }

    /// <param name="file">Its name, for messages.</param>
    /// <param name="where">What names the file; null: the file itself.</param>
    /// <exception cref="LapException">It is no such key; the message says what it is instead.</exception>
    public static VerificationKey Parse(string pem, string file, string? where = null)
    {
        LapException Bad(string what, string mend) => new($"{file} {what}", where ?? file, mend);

        if (!PemEncoding.TryFind(pem, out var fields))
        {
            throw Bad("is no public key: it is no PEM file", Cure);
        }

        var label = pem[fields.Label];
        if (label != "PUBLIC KEY")
        {
            throw label.EndsWith("PRIVATE KEY", StringComparison.Ordinal)
                ? Bad("is a private key, and a public one is wanted", "name the public half here; if this file was committed, make a new pair: `lap keys create`")
                : label == "CERTIFICATE"
                    ? Bad("is a certificate, and a public key is wanted", $"openssl x509 -pubkey -noout -in {file}")
                    : Bad($"has a {label}, and an ECDSA P-256 PUBLIC KEY is wanted", Cure);
        }

        if (PemEncoding.TryFind(pem.AsSpan(fields.Location.End.Value), out _))
        {
            throw Bad("has more than one key", "one key a file: two keys are two trust rules");
        }

        var key = ECDsa.Create();
        try
        {
            var bytes = Convert.FromBase64String(pem[fields.Base64Data]);
            key.ImportSubjectPublicKeyInfo(bytes, out var read);
            if (read == bytes.Length && key.ExportParameters(includePrivateParameters: false).Curve is { IsNamed: true } curve && curve.Oid.Value == P256)
            {
                return new VerificationKey(key);
            }

            key.Dispose();
            throw read == bytes.Length ? Bad("is a key of another curve than P-256", Cure) : Bad("is a damaged public key", Cure);
        }
        catch (CryptographicException)
        {
            key.Dispose();
            throw Bad("is no ECDSA P-256 key", Cure);
        }
    }

    /// <summary>Whether the holder of the private key signed these bytes. False for anything that is no signature, too.</summary>
    /// <param name="signature">DER.</param>
    public bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        lock (gate)
        {
            try
            {
                return key.VerifyData(data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
            }
            catch (CryptographicException)
            {
                return false;
            }
        }
    }

    public void Dispose() => key.Dispose();

    internal static VerificationKey Of(ECDsa pair)
    {
        var key = ECDsa.Create();
        key.ImportSubjectPublicKeyInfo(pair.ExportSubjectPublicKeyInfo(), out _);
        return new VerificationKey(key);
    }

    private const string Cure = "`lap keys create` makes a pair; with openssl: openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt";
}
