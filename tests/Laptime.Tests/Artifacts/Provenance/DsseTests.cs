using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Laptime.Artifacts.Provenance;

namespace Laptime.Tests.Artifacts.Provenance;

public sealed class DsseTests
{
    private static readonly byte[] Hello = "hello world"u8.ToArray();

    [Theory]
    [InlineData("http://example.com/HelloWorld", "hello world", "DSSEv1 29 http://example.com/HelloWorld 11 hello world")] // the specification's own
    [InlineData("", "", "DSSEv1 0  0 ")]
    [InlineData("type", "grüße", "DSSEv1 4 type 7 grüße")] // bytes, not characters
    [InlineData("ту", "x", "DSSEv1 4 ту 1 x")]
    public void What_is_signed_counts_bytes(string type, string payload, string expected) =>
        Assert.Equal(Encoding.UTF8.GetBytes(expected), DsseEnvelope.PreAuthentication(type, Encoding.UTF8.GetBytes(payload)));

    /// <summary>The specification's test vector: its key, and its signature (which is raw; ours are DER).</summary>
    [Fact]
    public void The_signature_of_the_specifications_test_vector_is_one_over_our_bytes()
    {
        using var key = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint
            {
                X = Bytes("46950820868899156662930047687818585632848591499744589407958293238635476079160"),
                Y = Bytes("5640078356564379163099075877009565129882514886557779369047442380624545832820"),
            },
        });
        var raw = Convert.FromBase64String("A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==");
        var signed = DsseEnvelope.PreAuthentication("http://example.com/HelloWorld", Hello);
        Assert.True(key.VerifyData(signed, raw, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation));

        using var verification = VerificationKey.Of(key);
        Assert.False(verification.Verify(signed, raw));
        Assert.True(verification.Verify(signed, Der(raw)));

        static byte[] Bytes(string number) => BigInteger.Parse(number, CultureInfo.InvariantCulture).ToByteArray(isUnsigned: true, isBigEndian: true) is var bytes ? [.. new byte[32 - bytes.Length], .. bytes] : [];
    }

    [Fact]
    public void Signatures_are_DER_and_nothing_else_verifies()
    {
        using var pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var key = VerificationKey.Of(pair);
        for (var i = 0; i < 200; i++)
        {
            var data = BitConverter.GetBytes(i);
            var der = pair.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
            Assert.True(key.Verify(data, der));
            Assert.False(key.Verify(data, pair.SignData(data, HashAlgorithmName.SHA256)));
            Assert.False(key.Verify([.. data, 0], der));
            Assert.False(key.Verify(data, [.. der, 0]));
            Assert.False(key.Verify(data, der.AsSpan()[..^1]));
        }

        Assert.False(key.Verify(Hello, []));
        Assert.False(key.Verify(Hello, new byte[500_000]));
    }

    [Fact]
    public void Bytes_come_back_from_both_alphabets_with_padding_and_without() =>
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), bytes =>
        {
            var standard = StrictBase64.Encode(bytes);
            Assert.Equal(Convert.ToBase64String(bytes), standard);
            var urlSafe = standard.Replace('+', '-').Replace('/', '_');
            foreach (var text in (string[])[standard, urlSafe, standard.TrimEnd('='), urlSafe.TrimEnd('=')])
            {
                Assert.Equal(bytes, StrictBase64.Decode(text, "it"));
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));

    [Theory]
    [InlineData("QQ== ")]
    [InlineData(" QQ==")]
    [InlineData("QQ\n==")]
    [InlineData("Q Q==")]
    [InlineData("QQ=")]
    [InlineData("QQ===")]
    [InlineData("Q")]
    [InlineData("Q===")]
    [InlineData("====")]
    [InlineData("QR==")] // left-over bits
    [InlineData("QUJ=")]
    [InlineData("+-AA")] // both alphabets at once
    [InlineData("QQ==QQ==")]
    [InlineData("QQ.=")]
    [InlineData("ÄÄÄÄ")]
    public void What_is_not_exactly_base64_is_refused(string text) => Assert.Throws<FormatException>(() => StrictBase64.Decode(text, "it"));

    [Fact]
    public void An_envelope_comes_back_and_is_written_in_the_standard_alphabet()
    {
        byte[] payload = [0xfb, 0xff, 0xfe, 0x3e];
        var bytes = new DsseEnvelope("t", payload, [new DsseSignature("k", [0xff, 0xfe])]).ToBytes();
        Assert.Equal("""{"payload":"+//+Pg==","payloadType":"t","signatures":[{"sig":"//4=","keyid":"k"}]}""", Encoding.UTF8.GetString(bytes));
        var again = DsseEnvelope.Parse(bytes);
        Assert.Equal(("t", "k"), (again.PayloadType, again.Signatures.Single().KeyId));
        Assert.Equal(payload, again.Payload);
        Assert.Equal(payload, DsseEnvelope.Parse("""{"payload":"-__-Pg","payloadType":"t","signatures":[]}"""u8.ToArray()).Payload);
    }

    [Theory]
    [InlineData("", "no JSON")]
    [InlineData("[]", "not an object")]
    [InlineData("{}", "no payloadType")]
    [InlineData("""{"payloadType":"t","payload":7,"signatures":[]}""", "payload is not a text")]
    [InlineData("""{"payloadType":"t","payload":"QQ ==","signatures":[]}""", "not base64")]
    [InlineData("""{"payloadType":"t","payload":"QQ=="}""", "no signatures")]
    [InlineData("""{"payloadType":"t","payload":"QQ==","signatures":[{}]}""", "no sig")]
    [InlineData("""{"payloadType":"t","payload":"QQ==","payload":"QQ==","signatures":[]}""", "no JSON")] // twice: readers differ in which one counts
    [InlineData("""{"payloadType":"\ud800","payload":"QQ==","signatures":[]}""", "no JSON")]
    public void What_is_no_envelope_is_refused_with_the_reason(string text, string reason) =>
        Assert.Contains(reason, Assert.Throws<FormatException>(() => DsseEnvelope.Parse(Encoding.UTF8.GetBytes(text))).Message, StringComparison.Ordinal);

    private static byte[] Der(byte[] raw)
    {
        var writer = new System.Formats.Asn1.AsnWriter(System.Formats.Asn1.AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteInteger(new BigInteger(raw.AsSpan(0, 32), isUnsigned: true, isBigEndian: true));
            writer.WriteInteger(new BigInteger(raw.AsSpan(32), isUnsigned: true, isBigEndian: true));
        }

        return writer.Encode();
    }
}
