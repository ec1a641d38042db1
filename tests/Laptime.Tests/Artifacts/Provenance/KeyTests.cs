using System.Security.Cryptography;
using System.Text;
using Laptime.Artifacts.Provenance;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Tests.Artifacts.Provenance;

public sealed class KeyTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly ProcessRunner runner = new(TimeProvider.System);

    public void Dispose() => folder.Dispose();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Private(string name, string pem, UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite)
    {
        var file = folder.File(name, pem);
        File.SetUnixFileMode(file, mode);
        return file;
    }

    private static string P256(Func<ECDsa, string> form)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return form(key);
    }

    [Theory]
    [InlineData("", "no PEM file")]
    [InlineData("garbage", "no PEM file")]
    [InlineData("p384", "another curve than P-256")]
    [InlineData("rsa", "no ECDSA P-256 key")]
    [InlineData("private", "is a private key, and a public one is wanted")]
    [InlineData("certificate", "is a certificate")]
    [InlineData("damaged", "no ECDSA P-256 key")]
    [InlineData("two", "more than one key")]
    public void A_public_key_that_is_none_is_named_for_what_it_is(string what, string words)
    {
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        using var rsa = RSA.Create(2048);
        var good = P256(k => k.ExportSubjectPublicKeyInfoPem());
        var pem = what switch
        {
            "p384" => other.ExportSubjectPublicKeyInfoPem(),
            "rsa" => rsa.ExportSubjectPublicKeyInfoPem(),
            "private" => P256(k => k.ExportPkcs8PrivateKeyPem()),
            "certificate" => "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n",
            "damaged" => good.Replace("MFk", "MFg"),
            "two" => good + "\n" + good,
            _ => what,
        };
        var problem = Assert.Throws<LapException>(() => VerificationKey.Load(folder.File("a.pub", pem))).Problems.Single();
        Assert.Contains(words, problem.What, StringComparison.Ordinal);
        Assert.NotNull(problem.Mend);
        if (what == "private")
        {
            Assert.DoesNotContain(pem.Split('\n')[1], problem.ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_public_key_is_found_by_its_file_and_comes_back_as_it_was()
    {
        var pem = P256(k => k.ExportSubjectPublicKeyInfoPem()) + "\n";
        using var key = VerificationKey.Load(folder.File("a.pub", "A comment before it.\n" + pem));
        Assert.Equal(pem, key.Pem);
        Assert.Equal(Convert.ToBase64String(SHA256.HashData(key.Spki)), key.Hint);
        Assert.Contains("does not exist", Assert.Throws<LapException>(() => VerificationKey.Load(folder.At("b.pub"))).Message, StringComparison.Ordinal);
        Assert.Contains("too long", Assert.Throws<LapException>(() => VerificationKey.Load(folder.File("c.pub", new string('x', 70_000)))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Private_keys_are_read_in_every_form_that_openssl_writes()
    {
        using var pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var verification = VerificationKey.Of(pair);
        string[] forms =
        [
            pair.ExportPkcs8PrivateKeyPem(), pair.ExportECPrivateKeyPem(),
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + pair.ExportECPrivateKeyPem(),
        ];
        foreach (var form in forms)
        {
            using var key = SigningKey.FromFile(Private("a.key", form));
            Assert.Equal(verification.Hint, key.Public.Hint);
            var signature = await key.SignAsync("data"u8.ToArray(), Cancel);
            Assert.True(verification.Verify("data"u8, signature));
        }
    }

    [Theory]
    [InlineData("garbage", "no PEM file")]
    [InlineData("public", "is a public key")]
    [InlineData("encrypted", "is encrypted")]
    [InlineData("p384", "another curve than P-256")]
    [InlineData("damaged", "no ECDSA P-256 key")]
    public void A_private_key_that_is_none_is_refused_and_never_shown(string what, string words)
    {
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var pem = what switch
        {
            "public" => P256(k => k.ExportSubjectPublicKeyInfoPem()),
            "encrypted" => P256(k => k.ExportEncryptedPkcs8PrivateKeyPem("x", new PbeParameters(PbeEncryptionAlgorithm.Aes128Cbc, HashAlgorithmName.SHA256, 1000))),
            "p384" => other.ExportPkcs8PrivateKeyPem(),
            "damaged" => P256(k => k.ExportPkcs8PrivateKeyPem()).Replace("MIG", "MIH"),
            _ => what,
        };
        var problem = Assert.Throws<LapException>(() => SigningKey.FromFile(Private("a.key", pem))).Problems.Single();
        Assert.Contains(words, problem.What, StringComparison.Ordinal);
        Assert.NotNull(problem.Mend);
        Assert.All(pem.Split('\n').Where(l => l.Length > 40), l => Assert.DoesNotContain(l, problem.ToString(), StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.GroupWrite)]
    [InlineData(UnixFileMode.OtherExecute)]
    public void A_private_key_that_others_may_touch_is_refused_with_the_cure(UnixFileMode others)
    {
        var file = Private("a.key", P256(k => k.ExportPkcs8PrivateKeyPem()), UnixFileMode.UserRead | UnixFileMode.UserWrite | others);
        var problem = Assert.Throws<LapException>(() => SigningKey.FromFile(file)).Problems.Single();
        Assert.Contains("by others", problem.What, StringComparison.Ordinal);
        Assert.Contains($"chmod 600 {file}", problem.Mend, StringComparison.Ordinal);
    }

    [Fact]
    public void A_private_key_that_is_not_there_names_the_command_that_makes_one() =>
        Assert.Contains("lap keys create", Assert.Throws<LapException>(() => SigningKey.FromFile(folder.At("none.key"))).Problems.Single().Mend, StringComparison.Ordinal);

    [Theory]
    [InlineData("openssl dgst -sha256 -sign a.key")]
    [InlineData("openssl dgst -sha256 -sign a.key | base64")] // in lines of 76
    [InlineData("openssl dgst -sha256 -sign a.key | base64 -w0")]
    public async Task A_command_signs_what_it_gets_on_its_input(string command)
    {
        using var pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Private("a.key", pair.ExportPkcs8PrivateKeyPem());
        using var key = SigningKey.FromCommand(Command.Shell(command, folder), VerificationKey.Of(pair), runner);
        var data = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("0123456789", 50_000)));
        var signature = await key.SignAsync(data, Cancel);
        Assert.True(key.Public.Verify(data, signature));
    }

    [Theory]
    [InlineData("echo secret-in-output; echo no module >&2; exit 3", "did not sign: exit code 3")]
    [InlineData("true", "0 bytes that are no signature")]
    [InlineData("echo secret-in-output", "no signature")]
    [InlineData("head -c 5000 /dev/zero", "more than 4096 bytes")]
    [InlineData("printf 'MEUC'", "not so that its public key verifies it")]
    [InlineData("printf '0garbage'", "not so that its public key verifies it")]
    [InlineData("cat b.sig", "not so that its public key verifies it")] // of other bytes
    public async Task A_command_that_does_not_sign_fails_and_its_output_is_not_shown(string command, string words)
    {
        using var pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        await File.WriteAllBytesAsync(folder.At("b.sig"), pair.SignData("other"u8.ToArray(), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence), Cancel);
        using var key = SigningKey.FromCommand(Command.Shell(command, folder), VerificationKey.Of(pair), runner);
        var fault = (await Assert.ThrowsAsync<FaultException>(() => key.SignAsync("data"u8.ToArray(), Cancel))).Fault;
        Assert.Contains(words, fault.What, StringComparison.Ordinal);
        Assert.DoesNotContain("secret-in-output", fault + string.Join('\n', fault.Tail ?? []), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_that_hangs_is_ended_at_its_deadline()
    {
        using var pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var key = SigningKey.FromCommand(Command.Shell("exec sleep 1000", folder) with { Deadline = TimeSpan.FromMilliseconds(50) }, VerificationKey.Of(pair), runner);
        var fault = (await Assert.ThrowsAsync<FaultException>(() => key.SignAsync("data"u8.ToArray(), Cancel))).Fault;
        Assert.Contains("no end within", fault.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_signed_lies_in_the_temporary_folder_no_longer_than_the_command_runs()
    {
        using var pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Private("a.key", pair.ExportPkcs8PrivateKeyPem());
        using var key = SigningKey.FromCommand(Command.Shell("readlink /proc/self/fd/0 > input; openssl dgst -sha256 -sign a.key", folder), VerificationKey.Of(pair), runner);
        await key.SignAsync("data"u8.ToArray(), Cancel);
        Assert.False(File.Exists((await File.ReadAllTextAsync(folder.At("input"), Cancel)).Trim()));
    }
}
