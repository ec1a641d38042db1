using Laptime.Artifacts.Provenance;
using Laptime.Processes;
using Laptime.Tests.Engines;

namespace Laptime.Tests.Artifacts.Provenance;

/// <summary>What we sign, before those who did not write it: openssl, and the sigstore libraries of npm.</summary>
public sealed class OtherVerifiersTests : IDisposable
{
    private readonly Signed signed = new();
    private readonly ProcessRunner runner = new(TimeProvider.System);

    public void Dispose() => signed.Dispose();

    [Fact]
    public async Task Openssl_verifies_the_signature_and_refuses_other_bytes()
    {
        var openssl = Requirement.Program("openssl", "openssl");
        var envelope = SigstoreBundle.Parse(Attestation.Parse(await signed.SignAsync(signed.Provenance)).Bundle).Envelope;
        await File.WriteAllBytesAsync(signed.Folder.At("signed"), envelope.PreAuthentication(), Signed.Cancel);
        await File.WriteAllBytesAsync(signed.Folder.At("signature"), envelope.Signatures[0].Bytes, Signed.Cancel);
        Assert.Equal((0, "Verified OK"), await Verify());
        await File.AppendAllTextAsync(signed.Folder.At("signed"), " ", Signed.Cancel);
        Assert.NotEqual(0, (await Verify()).Code);

        async Task<(int Code, string Said)> Verify()
        {
            var result = await RunAsync(openssl, signed.Folder, "dgst", "-sha256", "-verify", "keys/ci.pub", "-signature", "signature", "signed");
            return (result.ExitCode, result.Tail[0]);
        }
    }

    [Fact]
    public async Task A_pair_that_openssl_made_signs_and_verifies()
    {
        var openssl = Requirement.Program("openssl", "openssl");
        File.Delete(signed.Pair.PublicFile);
        foreach (var arguments in (string[][])[["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "sec1.key"], ["pkcs8", "-topk8", "-nocrypt", "-in", "sec1.key", "-out", "own.key"], ["ec", "-in", "own.key", "-pubout", "-out", "keys/ci.pub"]])
        {
            Assert.True((await RunAsync(openssl, signed.Folder, arguments)).Succeeded);
        }

        foreach (var file in (string[])["sec1.key", "own.key"])
        {
            File.SetUnixFileMode(signed.Folder.At(file), UnixFileMode.UserRead | UnixFileMode.UserWrite);
            using var key = SigningKey.FromFile(signed.Folder.At(file));
            Assert.IsType<TrustVerdict.Trusted>(signed.Verify(await signed.SignAsync(signed.Provenance, key)));
        }
    }

    [Fact]
    public async Task The_sigstore_libraries_accept_the_bundle_and_reject_a_changed_payload()
    {
        var tools = await SigstoreLibraries.FolderAsync(runner, Signed.Cancel);
        var bundle = Attestation.Parse(await signed.SignAsync(signed.Provenance)).Bundle;
        using var other = signed.Other();
        var parsed = SigstoreBundle.Parse(bundle);
        var payload = StatementTests.With(parsed.Envelope.Payload, "subject.0.digest.sha256", $"\"{new string('a', 64)}\"");
        (string Name, byte[] Content, string Expected)[] cases =
        [
            ("good", bundle, "ok " + Signed.Subject.Digest.ToHex()),
            ("payload", (parsed with { Envelope = parsed.Envelope with { Payload = payload } }).ToBytes(), "refused signature verification failed"),
            ("type", (parsed with { Envelope = parsed.Envelope with { PayloadType = "text/plain" } }).ToBytes(), "refused signature verification failed"),
            ("signature", (parsed with { Envelope = parsed.Envelope with { Signatures = [parsed.Envelope.Signatures[0] with { Bytes = Flipped(parsed.Envelope.Signatures[0].Bytes) }] } }).ToBytes(), "refused signature verification failed"),
            ("key", Attestation.Parse(await signed.SignAsync(signed.Provenance, other)).Bundle, "refused no key has the hint " + other.Public.Hint),
            ("incomplete", StatementTests.With(bundle, "dsseEnvelope.signatures", "[]"), "refused invalid bundle"),
        ];
        foreach (var (name, content, _) in cases)
        {
            await File.WriteAllBytesAsync(signed.Folder.At(name), content, Signed.Cancel);
        }

        var said = new List<string>();
        var result = await runner.RunAsync(
            new Command { Program = "node", Arguments = [Path.Combine(tools, "verify.mjs"), signed.Pair.PublicFile, .. cases.Select(c => signed.Folder.At(c.Name))], Directory = tools, Deadline = TimeSpan.FromMinutes(1) },
            line => said.Add(line.Text), Signed.Cancel);
        Assert.True(result.Succeeded, string.Join('\n', result.Tail));
        Assert.Equal(cases.Length, said.Count);
        Assert.All(cases.Zip(said), c => Assert.StartsWith(c.First.Expected, c.Second, StringComparison.OrdinalIgnoreCase));
    }

    private static byte[] Flipped(byte[] signature) => [.. signature[..^1], (byte)(signature[^1] ^ 1)];

    private Task<ProcessResult> RunAsync(string program, string directory, params string[] arguments) =>
        runner.RunAsync(new Command { Program = program, Arguments = arguments, Directory = directory, Deadline = TimeSpan.FromMinutes(1) }, null, Signed.Cancel);
}
