using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Laptime.Processes;

/// <summary>What a program prints, as it comes. Whoever stops reading ends the program.</summary>
internal static class ProgramLines
{
    /// <param name="lines">Holds what was printed and not read yet, and decides what becomes of too much.</param>
    /// <param name="run">Runs the program; gets where its lines go.</param>
    /// <param name="failed">What is thrown, after the last line, when it did not succeed.</param>
    /// <param name="cancel">Ends the program, and the lines without a failure.</param>
    public static async IAsyncEnumerable<string> ReadAsync(
        Channel<string> lines, Func<Action<string>, CancellationToken, Task<ProcessResult>> run, Func<ProcessResult, Exception> failed, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var running = PumpAsync();
        try
        {
            await foreach (var line in lines.Reader.ReadAllAsync(CancellationToken.None))
            {
                yield return line;
            }
        }
        finally
        {
            await ended.CancelAsync();
            await ((Task)running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (await running is { Succeeded: false } result)
        {
            throw failed(result);
        }

        async Task<ProcessResult?> PumpAsync()
        {
            try
            {
                return await run(line => lines.Writer.TryWrite(line), ended.Token);
            }
            catch (OperationCanceledException)
            {
                return null;
            }
            finally
            {
                lines.Writer.Complete();
            }
        }
    }
}
