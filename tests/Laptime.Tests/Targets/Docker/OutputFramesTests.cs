using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Laptime.Targets.Docker;

namespace Laptime.Tests.Targets.Docker;

public sealed class OutputFramesTests
{
    [Fact]
    public async Task Frames_are_told_apart_and_lines_joined_over_them()
    {
        var lines = await ReadAsync([.. Frame(1, "one\ntw"), .. Frame(2, "err\r\nhalf"), .. Frame(1, "o\n"), .. Frame(2, " a line"), .. Frame(1, "")], 3);
        Assert.Equal([new LogLine("one", false), new LogLine("err", true), new LogLine("two", false), new LogLine("half a line", true)], lines);
    }

    [Fact]
    public async Task The_output_of_a_terminal_has_no_frames()
    {
        Assert.Equal([new LogLine("hello", false), new LogLine("terminal", false)], await ReadAsync("hello\r\nterminal"u8.ToArray(), 4));
        Assert.Equal([new LogLine("x", false)], await ReadAsync("x"u8.ToArray(), 4));
        Assert.Empty(await ReadAsync([], 4));
    }

    [Fact]
    public async Task A_stream_that_breaks_off_in_a_frame_gives_what_was_said()
    {
        byte[] broken = [.. Frame(1, "whole\n"), .. Frame(1, "cut off here").AsSpan(0, 15)];
        Assert.Equal([new LogLine("whole", false), new LogLine("cut off", false)], await ReadAsync(broken, 5));
    }

    [Fact]
    public async Task A_line_without_an_end_comes_in_pieces()
    {
        var lines = await ReadAsync(Frame(1, new string('x', 1_000_000)), 100_000);
        Assert.All(lines, l => Assert.InRange(l.Text.Length, 1, 300_000));
        Assert.Equal(1_000_000, lines.Sum(l => l.Text.Length));
    }

    /// <summary>However the bytes are cut into frames and reads, the lines are the same.</summary>
    [Fact]
    public void Cuts_do_not_show() => Prop.ForAll(
        ArbMap.Default.ArbFor<(byte, NonEmptyString, byte)[]>().Generator.ToArbitrary(),
        parts =>
        {
            var bytes = new List<byte>();
            var (expected, errors) = (new StringBuilder(), new StringBuilder());
            foreach (var (stream, text, _) in parts)
            {
                var clean = text.Get.Replace("\r", "", StringComparison.Ordinal).Replace("\0", "", StringComparison.Ordinal);
                clean = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(clean));
                bytes.AddRange(Frame(stream % 2 == 0 ? 1 : 2, clean));
                (stream % 2 == 0 ? expected : errors).Append(clean);
            }

            foreach (var chunk in (int[])[1, 7, 4096])
            {
                var lines = ReadAsync([.. bytes], chunk).GetAwaiter().GetResult();
                Assert.Equal(Lines(expected), lines.Where(l => !l.IsError).Select(l => l.Text));
                Assert.Equal(Lines(errors), lines.Where(l => l.IsError).Select(l => l.Text));
            }
        }).QuickCheckThrowOnFailure();

    private static IEnumerable<string> Lines(StringBuilder text)
    {
        var all = text.ToString().Split('\n');
        return all[^1].Length == 0 ? all[..^1] : all;
    }

    private static byte[] Frame(int stream, string text)
    {
        var payload = Encoding.UTF8.GetBytes(text);
        return [(byte)stream, 0, 0, 0, (byte)(payload.Length >> 24), (byte)(payload.Length >> 16), (byte)(payload.Length >> 8), (byte)payload.Length, .. payload];
    }

    private static async Task<List<LogLine>> ReadAsync(byte[] bytes, int chunk)
    {
        var lines = new List<LogLine>();
        await foreach (var line in new OutputFrames(new Trickle(bytes, chunk)).LinesAsync(CancellationToken.None))
        {
            lines.Add(line);
        }

        return lines;
    }

    /// <summary>Gives at most so many bytes a read.</summary>
    private sealed class Trickle(byte[] bytes, int chunk) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(chunk, buffer.Length)], cancellationToken);
    }
}
