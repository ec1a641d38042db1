using System.Text;
using Laptime.Fingerprints;
using Laptime.Planning;
using Laptime.Transactions;

namespace Laptime.Tests.Transactions;

public sealed class StateStoreTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private StateStore Store => new(folder);

    private string StateFile => folder.At("state.json");

    public void Dispose() => folder.Dispose();

    private static DeployedRecord Record(string component, int number) => new()
    {
        Component = component,
        Fingerprint = Digest.Of($"f{number}"),
        Artifact = Digest.Of($"a{number}"),
        DeploymentKey = Digest.Of($"k{number}"),
        Revision = $"{component}@{number}",
        Transaction = $"tx-{number}",
        At = DateTimeOffset.UnixEpoch.AddSeconds(number),
        Profile = "fast",
        Tainted = number % 2 == 1,
        RunSettings = new Dictionary<string, string> { ["port"] = $"{number}" },
    };

    private string[] Revisions(string component) => [.. Store.Load()[component].Select(r => r.Revision!)];

    [Fact]
    public void What_was_verified_is_read_back_whole()
    {
        Assert.False(Store.Exists);
        Store.Verified(Record("a", 1));
        Assert.True(Store.Exists);
        var read = Assert.Single(Store.Load()["a"]);
        Assert.Equal(Record("a", 1).RunSettings, read.RunSettings);
        Assert.Equal(Record("a", 1) with { RunSettings = read.RunSettings }, read);
    }

    [Fact]
    public void A_record_without_digests_is_read_back_too()
    {
        Store.Verified(new DeployedRecord { Component = "lib" });
        Assert.True(Store.Load()["lib"][0].DeploymentKey.IsNone);
    }

    [Fact]
    public void The_newest_is_first_and_every_verification_of_the_six_newest_deployments_is_kept()
    {
        for (var i = 1; i <= 9; i++)
        {
            Store.Verified(Record("a", i));
        }

        Assert.Equal(["a@9", "a@8", "a@7", "a@6", "a@5", "a@4"], Revisions("a"));
        Store.Verified(Record("a", 7));
        Assert.Equal(["a@7", "a@9", "a@8", "a@7", "a@6", "a@5", "a@4"], Revisions("a"));
        Store.Verified(Record("a", 10));
        Assert.Equal(["a@10", "a@7", "a@9", "a@8", "a@7", "a@6", "a@5"], Revisions("a"));
        for (var i = 0; i < 100; i++)
        {
            Store.Verified(Record("a", 10));
        }

        Assert.InRange(Revisions("a").Length, 2, 50);
    }

    [Fact]
    public void Other_components_are_untouched()
    {
        Store.Verified(Record("a", 1));
        Store.Verified(Record("b", 2));
        Store.Verified(Record("a", 3));
        Assert.Equal(["b@2"], Revisions("b"));
        Store.Removed("a");
        Assert.Equal(["b"], Store.Load().Keys);
        Store.Removed("unknown");
        Assert.Equal(["b@2"], Revisions("b"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"version\":1}")]
    [InlineData("{\"version\":2,\"components\":{}}")]
    [InlineData("{\"version\":1,\"components\":{\"a\":null}}")]
    [InlineData("{\"version\":1,\"components\":{\"a\":[]}}")]
    [InlineData("{\"version\":1,\"components\":{\"a\":[null]}}")]
    [InlineData("{\"version\":1,\"components\":{\"a\":[{}]}}")]
    [InlineData("{\"version\":1,\"components\":{\"a\":[{\"component\":\"b\"}]}}")]
    [InlineData("{\"version\":1,\"components\":{\"a\":[{\"component\":\"a\",\"runSettings\":null}]}}")]
    [InlineData("{\"version\":1,\"components\":{\"a\":[{\"component\":\"a\",\"artifact\":7}]}}")]
    [InlineData("{\"version\":1,\"components\":{\"a\":[{\"component\":\"a\",\"artifact\":\"sha256:short\"}]}}")]
    public void A_file_that_is_not_whole_is_an_empty_one_and_is_written_anew(string content)
    {
        File.WriteAllText(StateFile, content);
        Assert.Empty(Store.Load());
        Store.Verified(Record("a", 1));
        Assert.Equal(["a@1"], Revisions("a"));
    }

    [Fact]
    public void A_file_cut_anywhere_is_an_empty_one()
    {
        Store.Verified(Record("a", 1));
        var whole = File.ReadAllBytes(StateFile);
        for (var length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(StateFile, whole[..length]);
            Assert.Empty(Store.Load());
        }
    }

    [Fact]
    public void A_file_with_any_damaged_byte_is_never_a_crash()
    {
        Store.Verified(Record("a", 1));
        var whole = File.ReadAllBytes(StateFile);
        for (var i = 0; i < whole.Length; i++)
        {
            foreach (var damage in new[] { (byte)0, (byte)'"', (byte)'9', (byte)0xff })
            {
                byte[] damaged = [.. whole];
                damaged[i] = damage;
                File.WriteAllBytes(StateFile, damaged);
                Assert.All(Store.Load(), c => Assert.All(c.Value, r => Assert.Equal(c.Key, r.Component)));
            }
        }
    }

    [Fact]
    public async Task A_reader_sees_the_old_state_or_the_new_one_and_no_part_file_stays()
    {
        Store.Verified(Record("a", 0));
        using var stop = new CancellationTokenSource();
        var reading = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                Assert.NotEmpty(Store.Load()["a"]);
            }
        }, TestContext.Current.CancellationToken);
        for (var i = 1; i < 30; i++)
        {
            Store.Verified(Record("a", i));
        }

        await stop.CancelAsync();
        await reading;
        Assert.Equal([StateFile], Directory.GetFiles(folder));
    }

    [Fact]
    public void No_setting_and_no_secret_stands_in_it_but_as_a_digest()
    {
        Store.Verified(Record("a", 1) with { RunSettings = DeploymentKey.SettingsOf(Planning.Given.Component("a") with { Run = Planning.Given.Run("serve ${env.TOKEN}") }, _ => "s3cret") });
        Assert.DoesNotContain("s3cret", Encoding.UTF8.GetString(File.ReadAllBytes(StateFile)), StringComparison.Ordinal);
    }
}
