using System.Globalization;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Laptime.Foundations;

namespace Laptime.Tests.Foundations;

/// <summary>What the no-op path does by hand is what the base library does.</summary>
public sealed class PlainTextTests
{
    private static readonly Gen<string> Texts = Gen.Elements('a', 'Z', '0', '9', '\t', '\n', ' ', '\0', '\u007f', '\u0080', 'ż', '…', '\ud83d', '\ude00').ArrayOf().Select(c => new string(c));

    [Fact]
    public void Text_becomes_the_same_bytes_and_bytes_the_same_text() => Check.One(
        Config.QuickThrowOnFailure,
        Prop.ForAll(Texts.ToArbitrary(), text =>
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            Assert.Equal(bytes, PlainText.Bytes(text));
            Assert.Equal([.. bytes, 0], PlainText.Terminated(text));
            Assert.Equal(Encoding.UTF8.GetString(bytes), PlainText.Text(bytes));
            Assert.Equal(text.All(char.IsAscii), PlainText.IsAscii(text));
        }));

    [Fact]
    public void Bytes_that_are_no_text_are_replaced_alike() => Check.One(
        Config.QuickThrowOnFailure,
        Prop.ForAll(Gen.Choose(0, 255).Select(b => (byte)b).ArrayOf().ToArbitrary(), bytes => Assert.Equal(Encoding.UTF8.GetString(bytes), PlainText.Text(bytes))));

    [Fact]
    public void Fields_are_split_alike() => Check.One(
        Config.QuickThrowOnFailure,
        Prop.ForAll(Texts.ToArbitrary(), text => Assert.Equal(text.Split('\t'), PlainText.Split(text, '\t'))));

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("007")]
    [InlineData("18446744073709551615")]
    [InlineData("18446744073709551616")]
    [InlineData("99999999999999999999")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("1a")]
    [InlineData("١")]
    public void A_number_is_digits_that_fit_and_nothing_else(string text)
    {
        Assert.Equal(ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var expected), PlainText.TryNumber(text, out var number));
        Assert.True(expected == number || !ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _));
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(9UL)]
    [InlineData(10UL)]
    [InlineData(1234567890123UL)]
    [InlineData(ulong.MaxValue)]
    public void A_number_is_written_as_it_is_read(ulong number)
    {
        Assert.Equal(number.ToString(CultureInfo.InvariantCulture), PlainText.Number(number));
        Assert.True(PlainText.TryNumber(PlainText.Number(number), out var read) && read == number);
    }

    [Fact]
    public void A_moment_has_the_date_and_time_that_the_calendar_gives_it() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(2000),
        Prop.ForAll(Gen.Choose(-719_162, 2_932_896).Two().Select(d => (d.Item1 * 86_400L) + Math.Abs(d.Item2 % 86_400)).ToArbitrary(), seconds =>
        {
            var (expected, moment) = (DateTime.UnixEpoch.AddSeconds(seconds), new UtcMoment(seconds));
            Assert.Equal(
                (expected.Year, expected.Month, expected.Day, expected.Hour, expected.Minute, expected.Second),
                (moment.Year, moment.Month, moment.Day, moment.Hour, moment.Minute, moment.Second));
        }));

    [Fact]
    public void A_variable_of_the_start_is_read_as_the_system_reads_it()
    {
        var variables = StartVariables.Read()!;
        Assert.Equal(Environment.GetEnvironmentVariable("PATH"), variables.Value("PATH"));
        Assert.Null(variables.Value("PAT"));
        Assert.Null(variables.Value("LAPTIME_TESTS_NO_SUCH_VARIABLE"));
        var entries = 0;
        for (var at = StartVariables.First; at < variables.End; at = variables.Next(at))
        {
            entries++;
        }

        Assert.Equal(File.ReadAllText("/proc/self/environ").Count(c => c == '\0'), entries);
    }
}
