using FsCheck;
using FsCheck.Fluent;
using Laptime.Transactions;

namespace Laptime.Tests.Transactions;

public sealed class TransactionIdTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 3, 29, TimeSpan.FromHours(1));

    [Fact]
    public void It_is_readable_in_utc_and_never_the_same_twice()
    {
        Assert.Matches("^tx-20261121-110329-[0-9a-f]{6}$", TransactionId.New(Now).Text);
        Assert.True(Enumerable.Range(0, 20).Select(_ => TransactionId.New(Now)).Distinct().Count() > 15);
    }

    [Fact]
    public void It_is_read_back_and_sorts_by_time() => Check.One(
        Config.QuickThrowOnFailure,
        Prop.ForAll(Gen.Choose(0, int.MaxValue).Two().ToArbitrary(), seconds =>
        {
            var (a, b) = (TransactionId.New(DateTimeOffset.UnixEpoch.AddSeconds(seconds.Item1)), TransactionId.New(DateTimeOffset.UnixEpoch.AddSeconds(seconds.Item2)));
            Assert.True(TransactionId.TryParse(a.Text, out var read));
            Assert.Equal(a, read);
            Assert.True(seconds.Item1 == seconds.Item2 || seconds.Item1 < seconds.Item2 == string.CompareOrdinal(a.Text, b.Text) < 0);
        }));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("tx-20261121-110329-7f3a9")]
    [InlineData("tx-20261121-110329-7f3a9cc")]
    [InlineData("tx-20261121-110329-7F3A9C")]
    [InlineData("TX-20261121-110329-7f3a9c")]
    [InlineData("tx-2026112١-110329-7f3a9c")]
    [InlineData("tx-20261121/110329-7f3a9c")]
    [InlineData("tx-20261121-110329-../a9c")]
    public void Nothing_else_is_one_because_ids_become_file_names(string? text) => Assert.False(TransactionId.TryParse(text, out _));
}
