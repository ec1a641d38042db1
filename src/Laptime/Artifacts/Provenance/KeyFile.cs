using System.Security.Cryptography;
using Laptime.Foundations;

namespace Laptime.Artifacts.Provenance;

/// <summary>A private key in a PEM file.</summary>
internal sealed class KeyFile : SigningKey
{
    private const string P256 = "1.2.840.10045.3.1.7";
    private const UnixFileMode Others = (UnixFileMode)0b000_111_111;
    private readonly Lock gate = new();
    private readonly ECDsa key;
    private readonly string file;

    private KeyFile(ECDsa key, string file) : base(VerificationKey.Of(key)) => (this.key, this.file) = (key, file);

    public override string Name => file;

    private protected override string WrongSignature => "make a new pair: `lap keys create`";

    public static KeyFile Load(string file)
    {
        LapException Bad(string what, string mend) => new($"the signing key {file} {what}", file, mend);

        string pem;
        try
        {
            // The mode of what was opened, not of what stood there a moment ago.
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read);
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(stream.SafeFileHandle) & Others) != 0)
            {
                throw Bad("can be read by others than its owner", $"chmod 600 {file}; if somebody may have read it: `lap keys create --replace`, and commit the public key");
            }

            if (stream.Length > 1 << 16)
            {
                throw Bad("is no key: it is too long for one", "`lap keys create` makes one");
            }

            pem = new StreamReader(stream).ReadToEnd();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Bad("does not exist", "`lap keys create` makes one, or name another");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Bad($"cannot be read: {e.Message}", "make it a file of this user's, with mode 600");
        }

        // Messages name what is wrong with the key, never what is in the file.
        var label = PemEncoding.TryFind(pem, out var fields) ? pem[fields.Label] : null;
        if (label is not ("PRIVATE KEY" or "EC PRIVATE KEY" or "EC PARAMETERS"))
        {
            throw label switch
            {
                null => Bad("is no PEM file", "`lap keys create` makes one"),
                "PUBLIC KEY" => Bad("is a public key", "name the private one, that lies in .laptime/keys after `lap keys create`"),
                "ENCRYPTED PRIVATE KEY" => Bad("is encrypted", "keep the pass phrase where the key is used: sign with a command, such as `openssl dgst -sha256 -sign KEY -passin env:NAME`"),
                _ => Bad("is no ECDSA P-256 key", "`lap keys create` makes one"),
            };
        }

        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(label == "EC PARAMETERS" ? pem.AsSpan(fields.Location.End.Value) : pem);
            if (key.ExportParameters(includePrivateParameters: false).Curve is { IsNamed: true } curve && curve.Oid.Value == P256)
            {
                return new KeyFile(key, file);
            }
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            key.Dispose();
            throw Bad("is no ECDSA P-256 key", "`lap keys create` makes one");
        }

        key.Dispose();
        throw Bad("is of another curve than P-256", "`lap keys create` makes one");
    }

    private protected override void Close() => key.Dispose();

    private protected override Task<byte[]> MakeAsync(byte[] data, CancellationToken cancel)
    {
        lock (gate)
        {
            return Task.FromResult(key.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence));
        }
    }
}
