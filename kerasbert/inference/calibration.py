"""Activation ranges of an encoder, and the texts to measure them.

The texts were written for this project. For texts of another kind (code, law, other
languages), calibrate with some of those.
"""

import keras
import tensorflow as tf

from kerasbert.inference.matmul_overrides import method_of, override_matmuls
from kerasbert.inference.packed_graph import packing_of_rows

BATCH = 32


def block_products(block):
    """Returns the dense layers of an `EncoderBlock`."""
    attention, feed_forward = block.attention, block.feed_forward
    return (
        attention,
        attention.output_dense,
        feed_forward.intermediate,
        feed_forward.output_dense,
    )


def largest_inputs(encoder, constants, rows):
    """Measures the maximum magnitude of each input channel of dense layers.

    Shapes:
        rows `[B, (S)]` -> from each layer of `block_products` to a numpy array `[D]` or
        `[F]`.
    """
    watched = [layer for block in encoder.blocks for layer in block_products(block)]

    @tf.function(autograph=False, reduce_retracing=True)
    def of_batch(token_ids, segment_ids):
        seen = {layer: [] for layer in watched}  # a shared block runs several times

        def watching(layer):
            def product(inputs):
                seen[layer].append(tf.reduce_max(tf.abs(inputs), axis=0))
                return getattr(type(layer), method_of(layer))(layer, inputs)

            return product

        mask = tf.ones_like(token_ids).to_tensor()  # [B, S]
        packing, position_ids = packing_of_rows(mask)
        with (
            keras.StatelessScope(constants),
            override_matmuls({layer: watching(layer) for layer in watched}),
        ):
            encoder.compute_packed(
                token_ids.values, segment_ids.values, position_ids, mask, packing
            )
        return [tf.reduce_max(tf.stack(seen[layer]), axis=0) for layer in watched]

    batches = [
        of_batch(*(ids[i : i + BATCH] for ids in rows))
        for i in range(0, rows[0].nrows(), BATCH)
    ]
    largest = [
        tf.reduce_max(tf.stack(found), 0) for found in zip(*batches, strict=True)
    ]
    return {d: found.numpy() for d, found in zip(watched, largest, strict=True)}


TEXTS = 256

ENGLISH = """\
The train to the coast leaves at half past seven and arrives before noon.
She opened the window, looked at the rain and decided to stay at home.
A good film needs a story, and this one has three that never meet.
How do I reset the password of my account?
The committee will vote on the new budget next Tuesday.
Water boils at a lower temperature in the mountains because the air is thinner.
I would not buy this phone again: the battery lasts four hours.
Two dogs are running along the beach.
The company said that its profit fell by 12 % in the third quarter of 2019.
He plays the piano, badly, and the violin, which is worse.
What is the capital of Australia, and why is it not Sydney?
Please send the signed form to the office by 31 March.
The old bridge was closed after engineers found cracks in two of its pillars.
An absolute delight from the first scene to the last.
Mix the flour with the eggs, add a little salt, and let the dough rest for an hour.
The patient was given 20 mg twice a day and recovered within a week.
Nobody in the village remembered when the clock had stopped.
My flight was cancelled and nobody at the desk could tell me why.
In 1969 more than half a billion people watched the landing on the moon.
The cat slept on the warm bonnet of the car.
Interest rates are likely to rise again before the end of the year.
The plot is thin, the jokes are old, and the ending can be seen from far away.
A function that calls itself needs a case in which it stops.
Can you recommend a quiet hotel near the station?
The team lost the first set but won the match in the fifth.
Bees find their way home by the position of the sun.
It is neither as funny as it hopes to be nor as clever as it thinks it is.
The museum holds more than 40,000 coins, most of which have never been shown.
Error 404: the page that you asked for was not found on this server.
Her third novel follows a family of fishermen through a hundred years.
The minister refused to answer questions about the contract.
You should drink more water and sleep at least eight hours.
A man in a red jacket is climbing a wall of ice.
The soup was cold, the waiter was rude, and we had to wait for an hour.
Light takes about eight minutes to travel from the sun to the earth.
Where were you on the evening of the fifth of November?
The director trusts his actors, and they repay him in every scene.
Turn left at the church and go on until you see a yellow house.
The file could not be saved because the disk is full.
Prices of wheat and maize have doubled since the drought began.
Thank you very much for your kind letter of last week.
The experiment was repeated with 200 students, and the effect disappeared.
A child is blowing out the candles on a cake.
This vacuum cleaner is quiet, light and worth every penny.
The two countries signed a treaty on fishing rights in the strait.
If it rains tomorrow, the game will be played on Sunday instead.
The earliest known map of the town dates from 1587.
I laughed twice, once by accident.
The new engine uses a third less fuel than the one that it replaces.
Some people say that the island moves a little every year.
"""

CHINESE = """\
今天天气很好，我们去公园散步吧。
这部电影的故事很简单，但是演员的表演非常动人。
请问从这里到火车站怎么走？
公司去年的利润下降了百分之八。
他每天早上六点起床，先跑步，然后吃早饭。
房间很干净，服务员也很热情，下次还会再来。
手机用了三个月就坏了，客服一直没有回复。
北京是中国的首都，有三千多年的历史。
水在高山上沸腾的温度比较低。
孩子们在操场上踢足球，老师在旁边看着。
会议改到下星期三下午两点举行。
这本书写得太长，读到一半就不想看了。
科学家发现了一种新的深海鱼类。
你能推荐一家便宜又好吃的饭馆吗？
由于大雨，昨天的比赛被取消了。
她会说英语、法语和一点儿日语。
"""

SHORT = """\
hello
Good morning!
not bad
yes, of course
42
a quiet film
machine translation
the the the
U.S. stocks
wonderful, wonderful, wonderful
refund policy
Dr. Who?
你好
价格太高
非常满意
"""


def calibration_texts():
    """256 texts of 1 to about 100 tokens, in English and Chinese.

    Sentences stand alone, without their ends, and joined: longer texts are two to six
    sentences that have nothing to do with each other.
    """
    short, english, chinese = (x.splitlines() for x in (SHORT, ENGLISH, CHINESE))
    texts = short + english + chinese
    texts += [sentence[: len(sentence) // 2] for sentence in english + chinese]
    for count in (2, 3, 4, 6):
        for sentences, space in ((english, " "), (chinese, "")):
            starts = range(0, len(sentences) - count + 1, count)
            texts += [space.join(sentences[i : i + count]) for i in starts]
    # The rest: pairs of sentences that stand far from each other.
    pairs = zip(english, english[len(english) // 2 :] + english, strict=False)
    texts += [f"{first} {second}" for first, second in pairs]
    return texts[:TEXTS]
