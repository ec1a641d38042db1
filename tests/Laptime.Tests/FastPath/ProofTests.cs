using System.Reflection;
using FsCheck;
using FsCheck.Fluent;
using Laptime.Cli.FastPath;

namespace Laptime.Tests.FastPath;

/// <summary>The no-op proof on disk: read exactly as it was written, or not at all.</summary>
public sealed class ProofTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private string Path => folder.At("proof");

    public void Dispose() => folder.Dispose();

    private static Proof Sample(params string[] texts)
    {
        string At(int i, string standard) => i < texts.Length ? texts[i] : standard;
        return new Proof
        {
            Build = "0f8fad5b", Root = "/shop", Workspace = At(0, "shop"), Environment = At(1, "local"), Target = "process", Loop = "fast", Profile = At(2, ""), Socket = At(3, "/run/agent.sock"),
            NoOpLog = At(4, "/shop/.laptime/noops"), Tree = "sha256:00", Mark = "-", Key0 = ulong.MaxValue, Key1 = 1, Variables = [At(5, "FLAVOR"), "UNSET"], VariableHashes = ["123", "-"],
            Source = Proof.OfLaptime, Notices = [At(8, "no laptime.yaml, so compose.yml is deployed")], ParityGaps = [At(6, "gateway: step lint is left out of the fast loop")], Names = ["gateway", At(7, "lib")], Fingerprints = ["sha256:1", "sha256:2"],
            DeploymentKeys = ["sha256:3", "-"], Artifacts = ["sha256:4", "sha256:5"], Revisions = ["gateway@4", "-"],
        };
    }

    /// <summary>Every field, in words.</summary>
    private static string Text(Proof proof) => string.Join('\n', typeof(Proof).GetFields(BindingFlags.Instance | BindingFlags.Public).OrderBy(f => f.Name, StringComparer.Ordinal)
        .Select(f => $"{f.Name}={(f.GetValue(proof) is string[] texts ? $"{texts.Length}:{string.Join('\u0001', texts)}" : f.GetValue(proof))}"));

    [Fact]
    public void It_comes_back_as_it_was_written()
    {
        Sample().Save(Path);
        Assert.Equal(Text(Sample()), Text(Proof.Load(Path)!));
        Assert.Empty(Directory.GetFiles(folder, "*.tmp"));
    }

    [Fact]
    public void Without_variables_and_gaps_too()
    {
        var bare = Sample();
        (bare.Variables, bare.VariableHashes, bare.ParityGaps, bare.Notices) = ([], [], [], []);
        bare.Save(Path);
        Assert.Equal(Text(bare), Text(Proof.Load(Path)!));
    }

    [Fact]
    public void Any_texts_come_back_or_are_refused_before() => Check.One(
        Config.QuickThrowOnFailure,
        Prop.ForAll(ArbMap.Default.ArbFor<NonEmptyString[]>(), texts =>
        {
            var proof = Sample([.. texts.Select(t => System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(t.Get)))]);
            proof.Save(Path);
            Assert.Equal(!proof.CanBeWritten(), Text(proof).Contains('\t') || Text(proof).Count(c => c == '\n') != Text(Sample()).Count(c => c == '\n'));
            if (proof.CanBeWritten())
            {
                Assert.Equal(Text(proof), Text(Proof.Load(Path)!));
            }
        }));

    [Fact]
    public void With_any_byte_damaged_it_is_no_proof()
    {
        Sample().Save(Path);
        var whole = File.ReadAllBytes(Path);
        for (var i = 0; i < whole.Length; i++)
        {
            foreach (var damage in new[] { (byte)(whole[i] ^ 1), (byte)(whole[i] ^ 0x20), (byte)(whole[i] ^ 0x80), (byte)'\n', (byte)'\t', (byte)'-', (byte)0 }.Where(d => d != whole[i]))
            {
                byte[] damaged = [.. whole];
                damaged[i] = damage;
                File.WriteAllBytes(Path, damaged);
                Assert.Null(Proof.Load(Path));
            }
        }
    }

    [Fact]
    public void Cut_anywhere_or_with_anything_behind_it_is_no_proof()
    {
        Sample().Save(Path);
        var whole = File.ReadAllBytes(Path);
        for (var length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(Path, whole[..length]);
            Assert.Null(Proof.Load(Path));
        }

        foreach (var more in new[] { "\n", "0", " ", "\nend" })
        {
            File.WriteAllBytes(Path, [.. whole, .. System.Text.Encoding.UTF8.GetBytes(more)]);
            Assert.Null(Proof.Load(Path));
        }
    }

    [Fact]
    public void Where_there_is_none_there_is_none()
    {
        Assert.Null(Proof.Load(Path));
        Assert.Null(Proof.Load(folder));
        Assert.Null(Proof.Load(folder.At("no", "such", "folder")));
    }

    [Theory]
    [InlineData(null, "/shop/.laptime/proof")]
    [InlineData("staging", "/shop/.laptime/env/staging/proof")]
    public void Each_environment_has_its_own_and_the_default_one_is_found_without_its_name(string? environment, string path) =>
        Assert.Equal(path, Proof.PathOf("/shop", environment));

    [Fact]
    public void A_variables_hash_tells_values_and_absence_apart()
    {
        const string name = "LAPTIME_TESTS_PROOF_VARIABLE";
        Assert.Equal("-", Proof.HashOf(1, 2, name));
        System.Environment.SetEnvironmentVariable(name, "s3cret");
        try
        {
            var hash = Proof.HashOf(1, 2, name);
            Assert.Matches("^[0-9]+$", hash);
            Assert.NotEqual(hash, Proof.HashOf(1, 3, name));
            System.Environment.SetEnvironmentVariable(name, "other");
            Assert.NotEqual(hash, Proof.HashOf(1, 2, name));
        }
        finally
        {
            System.Environment.SetEnvironmentVariable(name, null);
        }
    }
}
